"""A mongod that a test can stop and start again, with the same logins and rights as the platform's own."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from pymongo import MongoClient

from ecom_platform.access.mongodb_roles import EVERYTHING, grant_access, make_admin
from ecom_platform.credentials import Role, ensure_credentials, read_credential
from ecom_platform.local.mongod import find_mongod, library_environment
from ecom_platform.local.mongodb import COMPRESSORS, ensure_key_file
from ecom_platform.settings import Settings
from ecom_platform_tests.programs import free_ports


class Mongod:
    """A one-member replica set that can be stopped and started again with its data."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self._folder = folder / "data"
        self._credentials = folder / "credentials"
        ensure_credentials(self._credentials, "mongodb")
        ensure_key_file(self._credentials)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def admin_uri(self) -> str:
        """The address for the test's own hands, which may do everything."""
        admin = read_credential(self._credentials, "mongodb", Role.ADMIN)
        login = f"{admin.username}:{admin.password}"
        return f"mongodb://{login}@127.0.0.1:{self.port}/?replicaSet=test&authSource=admin"

    def settings(self, database: str, home: Path) -> Settings:
        """The settings of a program that uses a database of it."""
        return Settings(
            _env_file=None,
            home=home,
            mongodb_uri=f"mongodb://127.0.0.1:{self.port}/?replicaSet=test",
            mongodb_credentials=self._credentials,
            mongodb_database=database,
        )

    def start(self) -> None:
        """Start it, with the data it had."""
        self._folder.mkdir(exist_ok=True)
        program = find_mongod(Settings(_env_file=None))
        argv = [program, "--dbpath", self._folder, "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        argv += COMPRESSORS
        # The orders of the tests have fixed dates: nothing may expire by today's.
        argv += ["--setParameter", "ttlMonitorEnabled=false"]
        argv += ["--auth", "--keyFile", str(self._credentials / "mongodb-keyfile"), "--nounixsocket"]
        argv += ["--replSet", "test", "--wiredTigerCacheSizeGB", "0.25"]
        with (self._folder / "mongod.log").open("ab") as log:
            environment = {**os.environ, **library_environment(program, self._folder.with_name("libraries"))}
            self._process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

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
            while not client.admin.command("hello")["isWritablePrimary"]:
                time.sleep(0.05)
            make_admin(client, read_credential(self._credentials, "mongodb", Role.ADMIN))
        with MongoClient(self.admin_uri) as client:
            grant_access(self.settings("of-nobody", self._folder), client, EVERYTHING)
