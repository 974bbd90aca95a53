"""A real Postgres for a while: the installed one, as a user of its own, since it refuses root."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = "postgres"
READY_SECONDS = 60


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        port: on 127.0.0.1.
        password_file: holds the password of the user `dagster`, whose database is `dagster`.
        log: what the server says.
    """

    port: int
    password_file: Path
    log: Path
    version: str

    def errors(self) -> list[str]:
        """The lines of its log that are errors."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(f"{word}:" in line for word in ("ERROR", "FATAL", "PANIC"))]


def find_postgres() -> Path | None:
    """The folder of the newest installed server's programs; None when there is none."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((file.parent for file in found), key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def own_postgres(folder: Path, port: int) -> Iterator[Postgres]:
    """A server with the database `dagster`, its data in a new folder; it ends with the block."""
    programs = find_postgres()
    if programs is None:
        raise SystemExit("No Postgres was found. Debian, Ubuntu: apt install postgresql")
    folder.mkdir()
    secret = folder / "postgres-password"
    secret.write_text(secrets.token_urlsafe(32))
    owner: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, USER, USER)
        shutil.chown(secret, USER, USER)
        owner = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []}
    data, log = folder / "data", folder / "postgres.log"
    make: list[str | Path] = [programs / "initdb", "--pgdata", data, "--username", "dagster", "--pwfile", secret]
    subprocess.run([*make, "--auth", "scram-sha-256"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **owner)
    serve = [programs / "postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(word) for word in [*serve, "-c", "unix_socket_directories="]],
            stdout=output,
            stderr=output,
            cwd=folder,
            **owner,
        )
    try:
        version = _make_database(programs, port, secret.read_text())
        yield Postgres(port, secret, log, version)
    finally:
        server.send_signal(signal.SIGINT)  # without waiting for clients
        server.wait(30)


def _make_database(programs: Path, port: int, password: str) -> str:
    import psycopg2

    where = {"host": "127.0.0.1", "port": str(port), "user": "dagster", "dbname": "postgres"}
    ask: list[str | Path] = [
        programs / "pg_isready",
        *(f"--{name}={value}" for name, value in where.items() if name != "user"),
    ]
    deadline = time.monotonic() + READY_SECONDS
    while subprocess.run(ask, stdout=subprocess.DEVNULL, check=False).returncode:
        if time.monotonic() > deadline:
            raise SystemExit(f"Postgres was not ready after {READY_SECONDS} seconds.")
        time.sleep(0.2)
    connection = psycopg2.connect(**where, password=password)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE dagster")
        cursor.execute("SHOW server_version")
        [version] = cursor.fetchone()
    connection.close()
    return str(version)
