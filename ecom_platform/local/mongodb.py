"""The local MongoDB: a replica set of one member, because transactions and snapshot reads need a replica set."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ecom_platform.errors import ConfigurationError
from ecom_platform.local.instance import Instance
from ecom_platform.local.programs import Program
from ecom_platform.local.server import Server, accepts
from ecom_platform.settings import Settings

__all__ = ["MONGODB", "ensure_schema", "find_mongod"]

REPLICA_SET = "ecom"
NOT_INITIATED = 94
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


def find_mongod(settings: Settings) -> Path:
    """The mongod to run: the one named, else from the PATH, else the installed one.

    Raises:
        ConfigurationError: there is none.
    """
    if settings.mongod:
        program = shutil.which(settings.mongod)
        if program is None:
            raise ConfigurationError(
                f"ECOM_MONGOD is {settings.mongod!r}, which is not a program. Correct or unset it."
            )
        return Path(program)
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    package = find_spec("fiftyone")
    for folder in (package.submodule_search_locations if package else None) or ():
        program_file = Path(folder) / "db" / "bin" / "mongod"
        if program_file.exists():
            return program_file
    raise ConfigurationError("No mongod was found. Run `make setup` again, or name one with ECOM_MONGOD.")


def programs(settings: Settings, instance: Instance) -> list[Program]:  # noqa: ARG001 - the shape all servers share
    """The server."""
    argv = [
        *(str(find_mongod(settings)), "--dbpath", "data/mongodb"),
        *("--bind_ip", "127.0.0.1", "--port", str(settings.mongodb_port), "--nounixsocket"),
        *("--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", str(settings.mongodb_cache_gb)),
    ]
    for parameter in (*PARAMETERS, *settings.mongodb_parameters.split()):
        argv += ["--setParameter", parameter]
    return [Program("mongodb", argv, stop_seconds=30)]


def prepare(settings: Settings, instance: Instance) -> None:  # noqa: ARG001 - the shape all servers share
    """Make the data folder."""
    (instance.data / "mongodb").mkdir(mode=0o700, exist_ok=True)


def not_ready(settings: Settings) -> str | None:
    """None once it is a primary that takes writes; the replica set is initiated on the way."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    if not accepts("127.0.0.1", settings.mongodb_port):
        return f"nothing listens on port {settings.mongodb_port}"
    address = f"127.0.0.1:{settings.mongodb_port}"
    try:
        with MongoClient[dict[str, Any]](
            f"mongodb://{address}/?directConnection=true", serverSelectionTimeoutMS=1000, socketTimeoutMS=5000
        ) as client:
            if not client.admin.command("hello").get("isWritablePrimary"):
                _ensure_member(client, address)
                return "it is not primary yet"
    except PyMongoError as error:
        return str(error)[:200]
    return None


def check(settings: Settings, seconds: float) -> None:
    """Raise unless a primary answers within `seconds`: as `store.connect`."""
    from ecom_platform.store import connect

    connect(settings, timeout_seconds=seconds, operation_seconds=seconds).close()


def ensure_schema(settings: Settings) -> None:
    """Create collections, views and indexes that do not exist. Raises as `store.connect`."""
    from ecom_platform import store

    db = store.database(settings, timeout_seconds=10)
    try:
        store.ensure_schema(db)
    finally:
        db.client.close()


def _ensure_member(client: Any, address: str) -> None:
    """Make the server the one member of the set, also after its port has changed."""
    from pymongo.errors import OperationFailure

    member = {"_id": 0, "host": address}
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_INITIATED:
            raise
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        return
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
)
