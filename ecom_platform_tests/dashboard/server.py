"""A mongod that a test can stop and start again."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from pymongo import MongoClient

from ecom_platform.local.mongodb import find_mongod
from ecom_platform.settings import Settings


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
