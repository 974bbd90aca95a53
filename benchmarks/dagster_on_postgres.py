"""Dagster on Postgres as docker-compose.yml has it: does it work for as long as it is watched?

Kafka, MongoDB and HDFS are local ones. Postgres is a real one (Debian: `apt install postgresql`). Everything else is
started with the commands, the variables and the health checks that stand in docker-compose.yml, in its order: storage,
shop, code server, daemon, webserver, viewer, simulator; only host names, ports and folders are those of this machine.
The stream is supervised, all sensors run, and orders are archived. At the end it counts runs, ticks and errors in
Dagster's storage and in the logs, looks for the password where it should not be, and says how much memory was used.

    python -m benchmarks.dagster_on_postgres [--minutes 10] [--history-days 1.0]

The exit code is 1 when a run or a tick failed, an archive run is missing, or a log holds an error.
"""

from __future__ import annotations

import argparse
import collections
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import yaml

from benchmarks.bench import own_platform
from benchmarks.postgres import Postgres, own_postgres
from ecom_platform.local import endpoints
from ecom_platform.local.hdfs import HDFS
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.settings import Settings
from ecom_platform.store import database, set_intent
from ecom_platform.store.leases import STREAM_ROLE
from ecom_platform.streaming.process import environment

ROOT: Final = Path(__file__).resolve().parents[1]
STARTED: Final = ("code-server", "daemon", "webserver", "viewer", "simulator")
FREE: Final = ("dagster_grpc_port", "dagster_port", "dashboard_port")
PORTS: Final = {"code-server": "4266", "webserver": "3000", "viewer": "3001"}
READY_SECONDS: Final = 240.0
SAMPLE_SECONDS: Final = 10.0
# What a reader of a log would stop at. The first is what SQLite says under several writers.
ALARMING: Final = re.compile(r"database is locked|OperationalError|Traceback|QueuePool|too many clients|deadlock")


class Deployment:
    """The services of docker-compose.yml as processes of this machine."""

    def __init__(self, settings: Settings, postgres: Postgres, history_days: float) -> None:
        self.settings = settings
        self.postgres = postgres
        self.folder = settings.home / "deployment"
        self.home = self.folder / "dagster"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.memory: dict[str, float] = {}
        self._services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
            "services"
        ]
        free = endpoints.choose_ports(settings.model_copy(update=dict.fromkeys(FREE, 0)), FREE)
        self.ports = dict(zip(PORTS, free.values(), strict=True))
        self._history_days = history_days
        shutil.copytree(ROOT / "docker" / "dagster", self.home)
        workspace = self.home / "workspace.yaml"
        text = workspace.read_text().replace("code-server", "127.0.0.1").replace("4266", str(self.ports["code-server"]))
        workspace.write_text(text)

    def limit(self, name: str) -> str:
        """The memory that the Compose file allows."""
        return str(self._services[name]["mem_limit"])

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service, those of the image included, with the addresses of this machine."""
        given = dict(self._services[name].get("environment") or {})
        own = {
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://dagster@127.0.0.1:{self.postgres.port}/dagster",
            "DAGSTER_FILES": str(self.folder / "files"),
            "POSTGRES_PASSWORD_FILE": str(self.postgres.password_file),
            "PGPASSFILE": str(self.folder / f"pgpass-{name}"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
        }
        missing = {key for key in given if not key.startswith("ECOM_")} - own.keys()
        assert not missing, f"{name} has variables that are not translated: {missing}"
        # The webserver and the daemon get no setting of the platform, as in the file.
        settings = environment(self.settings) if any(key.startswith("ECOM_") for key in given) else dict(os.environ)
        return {**settings, **own}

    def command(self, name: str) -> list[str]:
        """Entrypoint and command of a service, with the addresses of this machine."""
        service = self._services[name]
        words = [*service.get("entrypoint", []), *service["command"]]
        if name == "simulator":
            words += ["--history-days", str(self._history_days)]
        return [self._here(name, word) for word in words]

    def _here(self, name: str, word: str) -> str:
        if word == "0.0.0.0":  # noqa: S104 - what is being replaced
            return "127.0.0.1"
        if word == "docker/dagster/workspace.yaml":
            return str(self.home / "workspace.yaml")
        port = PORTS.get(name)
        return word if port is None else re.sub(rf"\b{port}\b", str(self.ports[name]), word)

    def run(self, name: str) -> None:
        """Run a one-shot to its end."""
        with self._log(name) as log:
            command, given = self.command(name), self.environment(name)
            done = subprocess.run(command, env=given, cwd=ROOT, stdout=log, stderr=log, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed: {(self.folder / f'{name}.log').read_text()[-2000:]}")

    def start(self, name: str) -> None:
        """Start a service that stays."""
        with self._log(name) as log:
            self.processes[name] = subprocess.Popen(
                self.command(name),
                env=self.environment(name),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def healthy(self, name: str) -> bool:
        """Whether its health check passes, as the file has it."""
        assert self.processes[name].poll() is None, f"{name} has ended; see {self.folder / name}.log"
        words = self._services[name]["healthcheck"]["test"][1:]
        state = "/var/lib/ecom/simulator/state.msgpack"
        own = [str(self.settings.home / "simulator/state.msgpack") if word == state else word for word in words]
        command = [self._here(name, word) for word in own]
        done = subprocess.run(command, env=self.environment(name), cwd=ROOT, capture_output=True, check=False)
        return done.returncode == 0

    def sample(self) -> None:
        """Note the most memory that each service took: proportional, so that shared pages count once."""
        for name, process in self.processes.items():
            taken = 0
            with suppress(psutil.Error):
                root = psutil.Process(process.pid)
                for one in [root, *root.children(recursive=True)]:
                    with suppress(psutil.Error):
                        taken += one.memory_full_info().pss
            self.memory[name] = max(self.memory.get(name, 0), taken / 1e6)

    def stop(self) -> None:
        """End everything, the last started first."""
        for process in reversed(self.processes.values()):
            _end(process)

    def logs(self) -> dict[str, list[str]]:
        """Alarming lines by log file, those of runs and of the stream included."""
        files = [
            *self.folder.glob("*.log"),
            *self.folder.glob("files/**/*.err"),
            *self.settings.logs.glob("stream*.log"),
        ]
        return {
            file.name: lines
            for file in files
            if (lines := [line for line in file.read_text(errors="replace").splitlines() if ALARMING.search(line)])
        }

    @contextmanager
    def _log(self, name: str) -> Iterator[Any]:
        with (self.folder / f"{name}.log").open("ab") as log:
            yield log


def main() -> int:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it runs once everything is up")
    parser.add_argument("--history-days", type=float, default=1.0, help="days of orders before now")
    options = parser.parse_args()
    with ExitStack() as stack:
        settings = stack.enter_context(own_platform((KAFKA, MONGODB, HDFS)))
        outside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ecom-postgres-")))
        outside.chmod(0o755)
        port = endpoints.choose_ports(settings.model_copy(update={"dashboard_port": 0}), ["dashboard_port"])
        postgres = stack.enter_context(own_postgres(outside / "postgres", port["dashboard_port"]))
        # So that a few minutes hold what else takes days: orders leave young, and a few are enough.
        archiving = {"archive_older_than": "1h", "archive_high_bytes": "4000000", "archive_low_bytes": "1000000"}
        settings = Settings(_env_file=None, **{**_given(settings), **archiving})
        (settings.home / "deployment" / "files").mkdir(parents=True)
        deployment = Deployment(settings, postgres, options.history_days)
        stack.callback(deployment.stop)
        seconds = _start(deployment)
        print(f"Postgres {postgres.version}; everything was up and healthy after {seconds:.0f} s.", flush=True)
        _watch(deployment, options.minutes * 60)
        return _report(deployment, options.minutes)


def _given(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in Settings.model_fields}


def _start(deployment: Deployment) -> float:
    """In the order of the Compose file's conditions."""
    started = time.monotonic()
    deployment.run("dagster-storage")
    deployment.run("shop")
    db = database(deployment.settings)
    with db.client:
        set_intent(db, STREAM_ROLE, "running", by="benchmark", reason="as `ecom stream --supervised`")
    for name in STARTED:
        deployment.start(name)
        _await(partial(deployment.healthy, name), name)
    return time.monotonic() - started


def _await(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} was not healthy after {READY_SECONDS:.0f} seconds")
        time.sleep(1)


def _watch(deployment: Deployment, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        deployment.sample()
        assert all(process.poll() is None for process in deployment.processes.values()), "a service has ended"
        time.sleep(SAMPLE_SECONDS)


def _report(deployment: Deployment, minutes: float) -> int:
    """Look into Dagster's storage, stop everything, look into the logs; the exit code."""
    names = ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "DAGSTER_FILES", "PGPASSFILE")
    # `daemon`'s file of the password serves this process as well.
    os.environ.update({name: deployment.environment("daemon")[name] for name in names})
    import dagster as dg

    from ecom_platform.orchestration.runs.recovery import stop_runs

    unhealthy = [name for name in STARTED if not deployment.healthy(name)]
    leaks = _leaks(deployment)
    with dg.DagsterInstance.get() as instance:
        runs = collections.Counter((run.job_name, run.status.value) for run in instance.get_runs())
        ticks, reasons = _ticks(instance)
        materialized = len(instance.get_asset_keys())
        size, connections = _look()
        db = database(deployment.settings)
        with db.client:
            set_intent(db, STREAM_ROLE, "stopped", by="benchmark", reason="the end")
            orders = db["orders"].estimated_document_count()
            archived = sum(row["rows"] for row in db["archive_manifests"].find({"state": "DONE"}, {"rows": 1}))
        stopped = stop_runs(instance, "benchmark", 60)
    deployment.stop()
    alarms, refused = deployment.logs(), deployment.postgres.errors()
    print(
        f"After {minutes:g} minutes: {orders:,} orders hot, {archived:,} archived; {materialized} assets known; ",
        end="",
    )
    print(f"Postgres holds {size / 1e6:.1f} MB, {connections} connections.\n")
    _table(("job", "status", "runs"), [(*key, str(count)) for key, count in sorted(runs.items())])
    _table(("sensor or schedule", "ticks"), [(name, str(dict(found))) for name, found in sorted(ticks.items())])
    _table(
        ("service", "most memory, MB", "limit"),
        [(name, f"{taken:,.0f}", deployment.limit(name)) for name, taken in deployment.memory.items()],
    )
    failed_runs = sum(count for (_, status), count in runs.items() if status == "FAILURE")
    failed_ticks = sum(found["FAILURE"] for found in ticks.values())
    for name, lines in alarms.items():
        print(f"{name}: {len(lines)} alarming lines, the first: {lines[0][:300]}")
    for text in (*reasons, *refused[:5]):
        print(text[:300])
    print(
        f"Failed runs {failed_runs}, failed ticks {failed_ticks}, alarming lines {sum(map(len, alarms.values()))}, "
        f"errors of Postgres {len(refused)}, runs that did not stop {len(stopped.left)}, unhealthy {unhealthy}, places "
        f"with the password {leaks}."
    )
    wrong = failed_runs or failed_ticks or alarms or refused or stopped.left or unhealthy or leaks or not archived
    return 1 if wrong else 0


def _ticks(instance: Any) -> tuple[dict[str, collections.Counter[str]], list[str]]:
    """Ticks by sensor or schedule and status, and why some failed."""
    found: dict[str, collections.Counter[str]] = {}
    reasons = []
    for state in instance.all_instigator_state():
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
        found[state.instigator_name] = collections.Counter(tick.status.value for tick in ticks)
        reasons += [f"{state.instigator_name}: {tick.error}" for tick in ticks if tick.error]
    return found, reasons


def _leaks(deployment: Deployment) -> list[str]:
    """Where the password of Postgres can be read although it should not be: command lines, environments, logs."""
    password = deployment.postgres.password_file.read_text()
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            folder = Path("/proc") / str(process.pid)
            shown = [name for name in ("cmdline", "environ") if password in (folder / name).read_text(errors="replace")]
            found += [f"{name} of {process.name()}" for name in shown]
    logs = [file for file in deployment.folder.rglob("*") if file.is_file() and not file.name.startswith("pgpass-")]
    return found + [file.name for file in logs if password in file.read_text(errors="replace")]


def _look() -> tuple[int, int]:
    """Bytes of Dagster's database, and connections to it."""
    import psycopg2

    connection = psycopg2.connect(os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", ""))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_database_size('dagster'), (SELECT count(*) FROM pg_stat_activity WHERE datname='dagster')"
        )
        size, connections = cursor.fetchone()
    connection.close()
    return int(size), int(connections)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for row in (heads, ["---"] * len(heads), *rows):
        print(f"| {' | '.join(row)} |")
    print()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
