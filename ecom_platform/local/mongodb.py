"""The local MongoDB: a replica set of one member, because transactions and snapshot reads need a replica set."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecom_platform.credentials import Role, credential_file, ensure_credentials
from ecom_platform.errors import ConfigurationError
from ecom_platform.files import write_atomically
from ecom_platform.local.instance import Instance
from ecom_platform.local.mongod import find_mongod, library_environment
from ecom_platform.local.programs import Program
from ecom_platform.local.server import Server, accepts, as_admin
from ecom_platform.settings import Settings, credential_of

if TYPE_CHECKING:
    from pymongo import MongoClient

REPLICA_SET = "ecom"
ALREADY_INITIATED, UNAUTHORIZED = 23, 13
KEY_FILE, KEY_BYTES = "mongodb-keyfile", 96
COMPRESSORS = ("--networkMessageCompressors", "snappy,zstd")
"""Not zlib: with it mongod gives away memory to clients that have not logged in (CVE-2025-14847)."""
PARAMETERS = (
    # The transaction of a killed stream would block its successor for a minute.
    "transactionLifetimeLimitSeconds=15",
    # Waiting for other members to take over is pointless: there are none.
    "shutdownTimeoutMillisForSignaledShutdown=100",
    "diagnosticDataCollectionEnabled=false",
)


def address_of(settings: Settings) -> str:
    """Where ours listens."""
    return f"mongodb://127.0.0.1:{settings.mongodb_port}/?replicaSet={REPLICA_SET}"


def programs(settings: Settings, instance: Instance) -> list[Program]:
    """The server; the passwords it does not have yet are written beside.

    Raises:
        ConfigurationError: its data knows an admin whose password is gone, or mongod cannot run here.
    """
    secured = _secured_mark(instance).exists()
    if secured and not credential_file(instance.credentials, "mongodb", Role.ADMIN).exists():
        raise ConfigurationError(
            f"The password of MongoDB's admin is gone ({instance.credentials}), and its data is still there. Nothing "
            "was started. Put the folder back from a copy, or delete everything: `ecom reset --yes`."
        )
    ensure_credentials(instance.credentials, "mongodb")
    ensure_key_file(instance.credentials)
    program = find_mongod(settings)
    argv = [
        *(str(program), "--dbpath", "data/mongodb"),
        *("--bind_ip", "127.0.0.1", "--port", str(settings.mongodb_port), "--nounixsocket", *COMPRESSORS),
        *("--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", str(settings.mongodb_cache_gb)),
        *("--auth", "--keyFile", f"credentials/{KEY_FILE}", "--noscripting", "--config", "run/mongod.conf"),
    ]
    if settings.tls is not None:
        ca, own = str(settings.tls / "ca.pem"), str(settings.tls / "server.pem")
        argv += ["--tlsMode", "requireTLS", "--tlsCAFile", ca, "--tlsCertificateKeyFile", own]
        argv += ["--tlsAllowConnectionsWithoutCertificates"]
    for parameter in (*PARAMETERS, *settings.mongodb_parameters.split()):
        argv += ["--setParameter", parameter]
    # In a file, because a changed command line would have a running server restarted.
    bypass = str(not secured).lower()
    (instance.run / "mongod.conf").write_text(f"setParameter: {{enableLocalhostAuthBypass: {bypass}}}\n")
    return [Program("mongodb", argv, library_environment(program, instance.run / "libraries"), stop_seconds=30)]


def prepare(settings: Settings, instance: Instance) -> None:  # noqa: ARG001 - the shape all servers share
    """Make the data folder."""
    (instance.data / "mongodb").mkdir(mode=0o700, exist_ok=True)


def _secured_mark(instance: Instance) -> Path:
    """There once the data knows an admin, and lost only together with it."""
    return instance.data / "mongodb" / "ecom-secured"


def ensure_key_file(folder: Path) -> list[Path]:
    """Make the secret by which members of a replica set know each other; demanded although there is one member only.

    Returns:
        The file, if it is new.
    """
    file = folder / KEY_FILE
    if file.exists():
        file.chmod(0o600)  # a copy that was put back may have lost that, and mongod then refuses it
        return []
    write_atomically(file, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    return [file]


def not_ready(settings: Settings) -> str | None:
    """None once it is a primary that takes writes; the replica set is initiated on the way."""
    from pymongo.errors import PyMongoError

    if not accepts("127.0.0.1", settings.mongodb_port):
        return f"nothing listens on port {settings.mongodb_port}"
    instance, address = Instance.of(settings), f"127.0.0.1:{settings.mongodb_port}"
    try:
        if not _secured_mark(instance).exists():
            with _direct(_tls_only(settings), address) as client:
                if not client.admin.command("hello").get("isWritablePrimary"):
                    _initiate(client, address)
                    return "it is not primary yet"
                _ensure_admin(settings, client)
            _secured_mark(instance).touch()
        from ecom_platform.store.client import login_options

        with _direct(login_options(as_admin(settings, "mongodb")), address) as client:
            if not client.admin.command("hello").get("isWritablePrimary"):
                _ensure_member(client, address)
                return "it is not primary yet"
    except PyMongoError as error:
        return str(error)[:200]
    return None


def _direct(options: Mapping[str, Any], address: str) -> MongoClient[dict[str, Any]]:
    from pymongo import MongoClient

    return MongoClient(
        f"mongodb://{address}/?directConnection=true", serverSelectionTimeoutMS=1000, socketTimeoutMS=5000, **options
    )


def _tls_only(settings: Settings) -> dict[str, Any]:
    from ecom_platform.store.client import login_options

    return login_options(settings.model_copy(update={"mongodb_credentials": None}))


def check(settings: Settings, seconds: float) -> None:
    """Raise unless a primary answers within `seconds`: as `store.connect`."""
    from ecom_platform.store import connect

    connect(as_admin(settings, "mongodb"), timeout_seconds=seconds, operation_seconds=seconds).close()


def provision(settings: Settings) -> None:
    """Give every role its rights; make collections, views and indexes that do not exist. Raises as `store.connect`."""
    from ecom_platform import store
    from ecom_platform.access.mongodb_roles import grant_access

    admin = as_admin(settings, "mongodb")
    db = store.database(admin, timeout_seconds=10)
    with db.client:
        if admin.role is Role.ADMIN:
            with store.mongo_errors("giving the roles their rights", admin.mongodb_uri):
                grant_access(admin, db.client, admin.mongodb_database)
        store.ensure_schema(db)


def _ensure_admin(settings: Settings, client: MongoClient[dict[str, Any]]) -> None:
    from pymongo.errors import OperationFailure

    from ecom_platform.access.mongodb_roles import make_admin

    try:
        make_admin(client, credential_of(settings, "mongodb", Role.ADMIN))
    except OperationFailure as error:
        # Another start was faster, or a run was killed after this; whether the password is the same, its use says.
        if error.code != UNAUTHORIZED:
            raise


def _initiate(client: MongoClient[dict[str, Any]], address: str) -> None:
    """Make the server the one member of its set, unless it has been one: then it only takes its time."""
    from pymongo.errors import OperationFailure

    try:
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]})
    except OperationFailure as error:
        if error.code not in (ALREADY_INITIATED, UNAUTHORIZED):
            raise


def _ensure_member(client: MongoClient[dict[str, Any]], address: str) -> None:
    """Let the member be where it listens now: its port may have changed."""
    member = {"_id": 0, "host": address}
    config = client.admin.command("replSetGetConfig")["config"]
    if config["members"][0]["host"] != address:
        changed = {**config, "version": config["version"] + 1, "members": [{**config["members"][0], **member}]}
        client.admin.command("replSetReconfig", changed, force=True)


MONGODB = Server(
    key="mongodb",
    title="MongoDB",
    address="mongodb_uri",
    ports=("mongodb_port",),
    address_of=address_of,
    program_names=("mongodb",),
    programs=programs,
    prepare=prepare,
    not_ready=not_ready,
    check=check,
    provision=provision,
    credentials="mongodb_credentials",
)
