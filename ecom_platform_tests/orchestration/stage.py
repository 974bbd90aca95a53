"""A real Dagster instance for tests: code server and daemon as processes of their own, runs and children to look at."""

# Methods whose names say all.
# ruff: noqa: D102

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import yaml
from dagster._core.scheduler.instigation import InstigatorType, TickStatus

from ecom_platform.local.server import accepts, as_admin
from ecom_platform.orchestration.dagster_internals import worker_pid
from ecom_platform.orchestration.instance import open_instance, prepare
from ecom_platform.orchestration.names import LEASED_TAG
from ecom_platform.orchestration.runs.recovery import NOT_FINISHED
from ecom_platform.settings import Settings
from ecom_platform.store.client import database
from ecom_platform.store.desired_state import read_intent, set_intent
from ecom_platform.store.leases import STREAM_ROLE, read_lease
from ecom_platform.store.schema import ensure_schema
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.programs import free_ports, until

ROOT = Path(__file__).parents[2]
DEFINITIONS = Path(__file__).with_name("scripted_definitions.py")
DAEMON = "ecom_platform_tests.orchestration.quick_daemon"
ENDED_TICKS = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]


class Stage:
    """One instance, its programs, and the scripted children its supervisor starts."""

    def __init__(self, settings: Settings, db: Any, definitions: Path) -> None:
        self.settings, self.db, self.definitions = settings, db, definitions
        (self.port,) = free_ports(1)
        self.children_folder = settings.home / "children"
        self.children_folder.mkdir(parents=True)
        self.home = prepare(settings, self.port, template=self._template())
        self.instance = open_instance(self.home)
        self.server: subprocess.Popen[bytes] | None = None
        self.daemon: subprocess.Popen[bytes] | None = None

    def _template(self) -> Path:
        """The platform's own configuration, with a monitor that looks more often."""
        configuration = yaml.safe_load((ROOT / "dagster.yaml").read_text())
        configuration["run_monitoring"] |= {"poll_interval_seconds": 5, "cancel_timeout_seconds": 30}
        file = self.settings.home / "template.yaml"
        file.write_text(yaml.safe_dump(configuration))
        return file

    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "DAGSTER_HOME": str(self.home),
            **variables(self.settings, "archive_high_bytes", "archive_low_bytes"),
            "TEST_CHILDREN": str(self.children_folder),
            "PYTHONPATH": str(ROOT),
            # Dagster's own use of pydantic warns on every load.
            "PYTHONWARNINGS": "ignore",
        }

    def _start(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *argv],
                env=dict(self.environment()),
                cwd=self.settings.home,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_server(self) -> None:
        self.server = self._start(
            "server",
            "dagster",
            "api",
            "grpc",
            "-f",
            str(self.definitions),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "--location-name",
            "ecom_platform",
        )
        until("the code server listens", lambda: accepts("127.0.0.1", self.port))

    def start_daemon(self) -> None:
        self.daemon = self._start("daemon", DAEMON, "run", "-w", str(self.home / "workspace.yaml"))

    def start(self) -> None:
        """Those of the two that do not run."""
        if self.server is None or self.server.poll() is not None:
            self.start_server()
        if self.daemon is None or self.daemon.poll() is not None:
            self.start_daemon()

    def kill(self, process: subprocess.Popen[bytes] | None) -> None:
        """SIGKILL one program, nothing else of what it started."""
        assert process is not None
        process.kill()
        process.wait()

    # What there is to see.

    def runs(self) -> list[dg.DagsterRun]:
        """The supervisor's runs, newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(tags={LEASED_TAG: STREAM_ROLE})))

    def at_work(self, job: str) -> dg.DagsterRun | None:
        """The newest run of a job that has begun and not ended."""
        filters = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.STARTED])
        return next(iter(self.instance.get_runs(filters, limit=1)), None)

    def run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str, seconds: float = 45.0) -> str:
        """The final status of a run."""
        until(f"run {run_id} ends", lambda: self.run(run_id).is_finished, seconds)
        return self.run(run_id).status.value

    def children(self) -> list[int]:
        """Process ids of living children."""
        file = self.children_folder / "children"
        pids = [int(line.split()[0]) for line in file.read_text().splitlines()] if file.exists() else []
        return [pid for pid in pids if _lives(pid)]

    def worker(self, run_id: str) -> int:
        found = worker_pid(self.instance, run_id)
        assert found is not None
        return found[0]

    def intent(self) -> str:
        return read_intent(self.db, STREAM_ROLE).desired

    def supervised(self) -> tuple[str, int] | None:
        """(run, child) when exactly one run supervises one child under its lease."""
        active = [run for run in self.runs() if run.status is dg.DagsterRunStatus.STARTED]
        children, lease = self.children(), read_lease(self.db, STREAM_ROLE)
        if len(active) == len(children) == 1 and lease is not None and lease.run_id == active[0].run_id:
            return active[0].run_id, children[0]
        return None

    def running(self, seconds: float = 60.0) -> tuple[str, int]:
        """Wish for the stream and wait until it is supervised."""
        self.start()
        if self.supervised() is None:
            # Also when the intent is `running` already: the sensor may be about to record the cancel before it.
            set_intent(self.db, STREAM_ROLE, "running", by="test", reason="test")
        return until("one run supervises one child", self.supervised, seconds)

    def stays_stopped(self, ticks: int = 2) -> bool:
        """No run and no child appears while the sensor looks some more times."""
        return self._stays(
            lambda: not self.children() and not any(run.status in NOT_FINISHED for run in self.runs()), ticks
        )

    def stays(self, run_id: str, child: int, ticks: int = 2) -> bool:
        """The same run supervises the same child while the sensor looks some more times."""

        def same() -> bool:
            active = [run.run_id for run in self.runs() if run.status is dg.DagsterRunStatus.STARTED]
            return self.children() == [child] and active == [run_id]

        return self._stays(same, ticks)

    def _stays(self, true: Callable[[], bool], ticks: int) -> bool:
        begun, deadline = self._ticks(), time.monotonic() + 60
        # The tick that goes on right now began before: it does not count.
        while self._ticks() <= begun + ticks:
            if not true():
                return False
            assert time.monotonic() < deadline, "the sensor is not evaluated any more"
            time.sleep(0.2)
        return true()

    def _ticks(self) -> int:
        """How many evaluations of sensors have ended."""
        states = self.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        return sum(
            len(self.instance.get_ticks(state.instigator_origin_id, state.selector_id, statuses=ENDED_TICKS))
            for state in states
        )

    def overlapped(self) -> bool:
        """True when two children ever lived at the same time."""
        return (self.children_folder / "overlap").exists()

    def close(self) -> None:
        """End everything this stage started, by process id."""
        for process in (self.daemon, self.server):
            if process is not None and process.poll() is None:
                for worker in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        worker.kill()
                self.kill(process)
        for run in self.runs():
            found = worker_pid(self.instance, run.run_id)
            if found is not None and not run.is_finished and _lives(found[0]):
                os.kill(found[0], signal.SIGKILL)
        until("no child is left", lambda: not self.children(), 10)
        self.instance.dispose()


@contextmanager
def staged(settings: Settings, home: Path, definitions: Path = DEFINITIONS, **own: object) -> Iterator[Stage]:
    """An instance on a database of its own, and an end of everything that it started."""
    settings = settings.model_copy(update={"home": home, **own})
    db = database(as_admin(settings, "mongodb"))
    ensure_schema(db)
    stage = Stage(settings, db, definitions)
    try:
        yield stage
    finally:
        stage.close()
        db.client.drop_database(db.name)
        db.client.close()


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
