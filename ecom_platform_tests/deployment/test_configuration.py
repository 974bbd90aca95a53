"""The configuration files and small programs under docker/, as far as no server is needed."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecom_platform_tests.deployment.composition import ROOT, compose, services

DOCKER = ROOT / "docker"
SCRIPTS = sorted(DOCKER.rglob("*.sh"))


def healthy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A health check, as Compose runs it."""
    command = [sys.executable, DOCKER / "healthy.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def site() -> Iterator[str]:
    """A web server that knows one page."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthy" else 503)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_dagster_is_configured_as_on_a_laptop() -> None:
    """Only where it keeps things differs."""
    laptop = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    deployment = yaml.safe_load((DOCKER / "dagster" / "dagster.yaml").read_text())
    own = {"storage", "compute_logs", "local_artifact_storage"}
    assert {name: value for name, value in deployment.items() if name not in own} == laptop
    assert deployment.keys() - laptop.keys() == own


def test_dagster_takes_its_configuration_and_its_address_has_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read by Dagster itself; it connects to nothing before it is asked for something."""
    from dagster._core.instance.config import dagster_instance_config
    from sqlalchemy import create_engine, make_url

    given = services()["webserver"]["environment"]
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", given["DAGSTER_POSTGRES_URL"])
    monkeypatch.setenv("DAGSTER_FILES", str(tmp_path))

    config, _ = dagster_instance_config(str(DOCKER / "dagster"))

    assert config["storage"] == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}
    url = make_url(given["DAGSTER_POSTGRES_URL"])
    assert (url.username, url.password, url.host, url.port) == ("dagster", None, "postgres", 5432)
    # The driver that is locked, not the default of SQLAlchemy.
    assert create_engine(url).dialect.driver == "psycopg2"


def test_dagster_finds_its_code_where_the_code_server_listens() -> None:
    """The workspace names the service and the port of its command."""
    (location,) = yaml.safe_load((DOCKER / "dagster" / "workspace.yaml").read_text())["load_from"]
    command = services()["code-server"]["command"]
    assert location["grpc_server"] == {
        "host": "code-server",
        "port": int(command[command.index("--port") + 1]),
        "location_name": command[command.index("--location-name") + 1],
    }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(DOCKER)))
def test_a_script_can_be_run_and_read(script: Path) -> None:
    """Executable, and without a mistake of syntax."""
    assert script.stat().st_mode & 0o111
    shell = script.read_text().splitlines()[0].split("/")[-1].split()[-1]
    subprocess.run([shell, "-n", script], check=True)


def test_every_configuration_file_that_is_mounted_exists() -> None:
    """A missing one would become a folder, made by the engine."""
    assert all((ROOT / one["file"]).is_file() for one in compose()["configs"].values())


def test_a_page_is_healthy_when_it_answers_well(site: str) -> None:
    """200 is; another answer and silence are not, with a reason."""
    assert healthy("http", f"{site}/healthy").returncode == 0
    for address in (f"{site}/other", "http://127.0.0.1:1/"):
        found = healthy("http", address)
        assert found.returncode == 1
        assert found.stdout


def test_a_code_server_that_is_not_there_is_not_healthy() -> None:
    """At once, and with a reason."""
    found = healthy("grpc", "127.0.0.1:1")
    assert (found.returncode, found.stdout) == (1, "127.0.0.1:1: UNAVAILABLE\n")


def test_a_file_is_healthy_while_it_is_written(tmp_path: Path) -> None:
    """A program without a port writes one every few seconds."""
    file = tmp_path / "state.msgpack"
    assert healthy("file", str(file), "60").returncode == 1
    file.touch()
    assert healthy("file", str(file), "60").returncode == 0
    os.utime(file, (time.time() - 100, time.time() - 100))
    assert healthy("file", str(file), "60").returncode == 1


def test_the_password_of_postgres_is_in_a_file_of_its_owner_and_not_in_the_environment(tmp_path: Path) -> None:
    """The driver refuses a file that others can read; what is in the environment, children inherit."""
    secret, own = tmp_path / "postgres-password", tmp_path / "pgpass"
    secret.write_text("canary")
    secret.chmod(0o644)
    given = {"PATH": os.environ["PATH"], "POSTGRES_PASSWORD_FILE": str(secret), "PGPASSFILE": str(own)}

    done = subprocess.run([DOCKER / "with-postgres.sh", "env"], env=given, capture_output=True, text=True, check=True)

    assert own.read_text() == "*:*:*:dagster:canary\n"
    assert own.stat().st_mode & 0o777 == 0o600
    assert f"PGPASSFILE={own}" in done.stdout
    assert "canary" not in done.stdout


def test_the_exit_code_of_what_is_wrapped_is_kept(tmp_path: Path) -> None:
    """A one-shot that fails must be seen to fail."""
    secret = tmp_path / "postgres-password"
    secret.write_text("canary")
    given = {**os.environ, "POSTGRES_PASSWORD_FILE": str(secret), "PGPASSFILE": str(tmp_path / "pgpass")}
    done = subprocess.run([DOCKER / "with-postgres.sh", "sh", "-c", "exit 7"], env=given, check=False)
    assert done.returncode == 7


def test_preparing_makes_secrets_that_only_their_owner_can_reach_and_keeps_what_is_there(tmp_path: Path) -> None:
    """Files that every container's user can read, in a folder that no other user of this machine can enter."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "prepare.sh").write_bytes((DOCKER / "prepare.sh").read_bytes())
    # In place of the engine: what `credentials` does, which never overwrites.
    engine = tmp_path / "docker-engine" / "docker"
    engine.parent.mkdir()
    engine.write_text(
        '#!/bin/sh\n[ "$3" = "--rm" ] && umask 077 && echo "$OPERATOR" >> secrets/mongodb-keyfile\nexit 0\n'
    )
    engine.chmod(0o755)
    given = {**os.environ, "PATH": f"{engine.parent}:{os.environ['PATH']}"}
    secrets = tmp_path / "secrets"

    passwords = []
    for _ in range(2):
        subprocess.run(["bash", tmp_path / "docker" / "prepare.sh"], env=given, check=True, capture_output=True)
        passwords.append((secrets / "postgres-password").read_text())

    assert passwords[0] == passwords[1]
    assert re.fullmatch(r"[\w-]{43}", passwords[0])
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {
        "mongodb-keyfile": 0o644,
        "postgres-password": 0o644,
    }
    assert (secrets / "mongodb-keyfile").read_text().splitlines() == [f"{os.getuid()}:{os.getgid()}"] * 2
