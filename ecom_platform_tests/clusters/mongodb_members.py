"""A MongoDB replica set of three that bear data, any of which may become primary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from ecom_platform.local.mongod import find_mongod, library_environment
from ecom_platform.settings import Settings
from ecom_platform_tests.clusters.programs import Programs, listens
from ecom_platform_tests.programs import free_ports

COUNT = 3
NAME = "shop"


class MongodbMembers:
    """The replica set; members are numbered from 1."""

    def __init__(self, folder: Path) -> None:
        self.programs = Programs(folder)
        self._ports = free_ports(COUNT)

    @property
    def uri(self) -> str:
        """The address of the replica set."""
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self._ports)}/?replicaSet={NAME}"

    def start(self) -> None:
        """Start all members, make them a replica set, and wait for a primary."""
        mongod = find_mongod(Settings(_env_file=None))
        environment = library_environment(mongod, self.programs.folder / "libraries")
        for number, port in enumerate(self._ports, 1):
            data = self.programs.folder / f"member-{number}"
            data.mkdir()
            argv = [
                *(str(mongod), "--dbpath", str(data), "--bind_ip", "127.0.0.1", "--port", str(port)),
                *("--replSet", NAME, "--nounixsocket", "--wiredTigerCacheSizeGB", "0.5", "--noscripting"),
                *("--networkMessageCompressors", "snappy,zstd"),
                *("--setParameter", "transactionLifetimeLimitSeconds=15"),
            ]
            self.programs.start(f"member-{number}", argv, environment)
        self.programs.await_ready("every member listens", lambda: all(map(listens, self._ports)))
        members = [{"_id": place, "host": f"127.0.0.1:{port}"} for place, port in enumerate(self._ports)]
        with self._direct(1) as first:
            first.admin.command("replSetInitiate", {"_id": NAME, "members": members})
        self.programs.await_ready("there is a primary", lambda: self.primary() is not None)

    def primary(self) -> int | None:
        """The number of the member that is primary now."""
        for number in range(1, COUNT + 1):
            try:
                with self._direct(number) as member:
                    if member.admin.command("hello").get("isWritablePrimary"):
                        return number
            except PyMongoError:
                continue
        return None

    def step_down(self) -> int:
        """Let the primary step down as for maintenance; its number."""
        number = self.primary()
        assert number is not None
        with self._direct(number) as member:
            member.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=10)
        return number

    def kill_primary(self) -> int:
        """Kill the primary; its number."""
        number = self.primary()
        assert number is not None
        self.programs.kill(f"member-{number}")
        return number

    def _direct(self, number: int) -> MongoClient[dict[str, Any]]:
        address = f"mongodb://127.0.0.1:{self._ports[number - 1]}/?directConnection=true"
        return MongoClient(address, serverSelectionTimeoutMS=2_000)
