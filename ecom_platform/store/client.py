"""Clients of MongoDB, and the one place that turns its driver's errors into ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo import errors as driver
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.settings import Settings, credential_of

Document = dict[str, Any]
MongoDatabase = Database[Document]
MongoCollection = Collection[Document]

# Aware datetimes in, aware datetimes out: a naive one would be read as local time by the first `timestamp()`.
CODEC: CodecOptions[Document] = CodecOptions(document_class=dict, tz_aware=True, tzinfo=UTC)

# What a server that is down, starting, stepping down or just killed answers; the call may work later.
_PASSING_CODES = frozenset({6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
_READ_CONCERNS = (None, "local", "majority")
_CREDENTIAL_CODES = frozenset({13, 18, 8000})


def connect(
    settings: Settings, *, timeout_seconds: float = 5.0, operation_seconds: float = 300.0
) -> MongoClient[Document]:
    """Return a client of the replica set that has just answered.

    Args:
        settings: names the server in `mongodb_uri`.
        timeout_seconds: how long to look for a primary and to wait for a connection.
        operation_seconds: silence on a connection after which an operation counts as failed; a stopped (not dead)
            server would block for ever otherwise.

    Raises:
        ConfigurationError: no URI, a URI that cannot be read, or wrong credentials.
        UnavailableError: no primary answered in time.
    """
    uri = settings.mongodb_uri
    if not uri:
        raise ConfigurationError(
            "No MongoDB is known: ECOM_MONGODB_URI is empty and no local server is running. Run `ecom up`."
        )
    milliseconds = int(timeout_seconds * 1000)
    login = login_options(settings)
    with mongo_errors("connecting", uri):
        client: MongoClient[Document] = MongoClient(
            uri,
            **login,
            appname="ecom-platform",
            tz_aware=True,
            tzinfo=UTC,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=int(operation_seconds * 1000),
            # A killed server may lose what it acknowledged before the journal was written.
            w="majority",
            journal=True,
            # What is decided on must be the newest, and a transaction reads nowhere else.
            readPreference="primary",
        )
        try:
            _refuse_read_concern(client.read_concern.level)
            client.admin.command("ping")
        except BaseException:
            client.close()
            raise
    return client


def _refuse_read_concern(level: str | None) -> None:
    if level not in _READ_CONCERNS:
        raise driver.ConfigurationError(f"readConcernLevel={level} is not possible in a transaction; leave it out")


def login_options(settings: Settings) -> dict[str, Any]:
    """Login and TLS of the role, for `MongoClient`; a user in the address itself is left alone.

    Raises:
        ConfigurationError: the credential of the role cannot be read.
    """
    options: dict[str, Any] = {}
    if settings.tls is not None:
        options |= {"tls": True, "tlsCAFile": str(settings.tls / "ca.pem")}
    if settings.mongodb_credentials is not None and "@" not in settings.mongodb_uri:
        credential = credential_of(settings, "mongodb", settings.role)
        options |= {
            "username": credential.username,
            "password": credential.password,
            "authSource": "admin",
            "authMechanism": "SCRAM-SHA-256",
        }
    return options


def database(settings: Settings, *, timeout_seconds: float = 5.0) -> MongoDatabase:
    """Connect and return the platform's database; `.client.close()` ends it. Raises as `connect`."""
    return connect(settings, timeout_seconds=timeout_seconds).get_database(settings.mongodb_database, CODEC)


@contextmanager
def open_database(
    settings: Settings, *, timeout_seconds: float = 5.0, operation_seconds: float = 300.0
) -> Iterator[MongoDatabase]:
    """The platform's database for as long as the block lasts. Arguments and errors as those of `connect`."""
    with connect(settings, timeout_seconds=timeout_seconds, operation_seconds=operation_seconds) as client:
        yield client.get_database(settings.mongodb_database, CODEC)


def storage_stats(db: MongoDatabase, collection: str) -> Document:
    """Sizes of a collection in bytes, as it is now: `size` of its documents, `avgObjSize`; empty without a collection.

    `size`, unlike the file it is in, shrinks with every delete.
    """
    now = db.with_options(read_concern=ReadConcern())  # no past instant knows its size
    stats = list(now[collection].aggregate([{"$collStats": {"storageStats": {}}}]))
    return stats[0]["storageStats"] if stats else {}


@contextmanager
def mongo_errors(step: str, uri: str = "") -> Iterator[None]:
    """Turn driver errors of the enclosed calls into ours; errors that mean a bug pass through unchanged.

    Args:
        step: what was being done, as it should read after "MongoDB failed while".
        uri: where, if it is known; a password in it is not shown.
    """
    where = f" at {without_password(uri)}" if uri else ""
    try:
        yield
    except (driver.InvalidURI, driver.ConfigurationError) as error:
        raise ConfigurationError(
            f"ECOM_MONGODB_URI cannot be used{where}: {error}. Expected mongodb://host:port/?replicaSet=name."
        ) from error
    except driver.OperationFailure as error:
        if error.code in _CREDENTIAL_CODES:
            raise ConfigurationError(
                f"MongoDB{where} refused the credentials while {step}: {error}. Nothing was written by this step. "
                "Correct user and password: in ECOM_MONGODB_URI, or the file of the role in ECOM_MONGODB_CREDENTIALS."
            ) from error
        if error.code in _PASSING_CODES:
            raise _unavailable(step, where, error) from error
        raise
    except driver.ConnectionFailure as error:
        raise _unavailable(step, where, error) from error


def without_password(uri: str) -> str:
    """The URI as it may be shown: a password is replaced by `***`."""
    # Greedy up to the last @ before a slash, so that an unescaped @ in the password does not show its tail.
    return re.sub(r"(?<=://)([^/:@]*):[^/]*@", r"\1:***@", uri)


def without_login(uri: str) -> str:
    """The URI without user and password: for a client that logs in as another user."""
    return re.sub(r"(?<=://)[^/]*@", "", uri)


def _unavailable(step: str, where: str, error: Exception) -> UnavailableError:
    reason = str(error).split(", Timeout:")[0].split(" (configured timeouts")[0]
    return UnavailableError(
        f"MongoDB{where} does not answer while {step} ({reason}). Run `ecom status` to see what is up, "
        "`ecom up` to start the local servers, then the same command again."
    )
