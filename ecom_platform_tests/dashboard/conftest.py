"""A mongod of the dashboard's own: these tests stop and start it, which the one all tests share would not survive."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient

from ecom_platform.local.mongodb import find_mongod
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store.client import CODEC


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mongod:
    """A one-member replica set that can be stopped and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/?replicaSet=test"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with whatever data it had."""
        program = find_mongod(Settings(_env_file=None))
        argv = [program, "--dbpath", self._folder, "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        # The orders of the tests have fixed dates: nothing may expire by today's.
        argv += ["--setParameter", "ttlMonitorEnabled=false"]
        argv += ["--nounixsocket", "--replSet", "test", "--wiredTigerCacheSizeGB", "0.25"]
        with (self._folder / "mongod.log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def initiate(self) -> None:
        """Make it the only member of its replica set; once is enough."""
        with MongoClient(f"mongodb://127.0.0.1:{self.port}/?directConnection=true") as client:
            member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
            client.admin.command("replSetInitiate", {"_id": "test", "members": [member]})


@pytest.fixture(scope="module")
def mongod() -> Iterator[Mongod]:
    """A running mongod of this module."""
    with tempfile.TemporaryDirectory(prefix="ecom-dashboard-") as folder:
        server = Mongod(Path(folder))
        server.start()
        try:
            server.initiate()
            yield server
        finally:
            server.stop()


@contextmanager
def database_of(mongod: Mongod, name: str) -> Iterator[MongoDatabase]:
    """An empty database with the platform's schema; dropped afterwards."""
    with MongoClient(mongod.uri, tz_aware=True) as client:
        db = client.get_database(name, CODEC)
        ensure_schema(db)
        yield db
        client.drop_database(name)


@pytest.fixture
def shop_db(mongod: Mongod) -> Iterator[MongoDatabase]:
    """An empty database of this test."""
    with database_of(mongod, f"t{uuid4().hex[:12]}") as db:
        yield db


@pytest.fixture(scope="module")
def module_db(mongod: Mongod) -> Iterator[MongoDatabase]:
    """A database that the tests of a module fill once and only read."""
    with database_of(mongod, f"m{uuid4().hex[:12]}") as db:
        yield db
