"""Ending what an instance started and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecom_platform import local
from ecom_platform.local.doctor import doctor, memory_finding
from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import MARKER, end, environment, processes
from ecom_platform.settings import Settings

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance without servers."""
    return Instance(tmp_path)


class Started:
    """Processes that are gone after the test."""

    def __init__(self) -> None:
        self.all: list[subprocess.Popen[bytes]] = []

    def __call__(self, argv: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start one and wait for its first word."""
        process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        self.all.append(process)
        return process


@pytest.fixture
def start() -> Iterator[Started]:
    """`start(argv, env)`."""
    started = Started()
    yield started
    for process in started.all:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_processes_are_found_by_the_home_they_carry(instance: Instance, start: Started) -> None:
    """A neighbour's are not."""
    ours = start(SLEEP, environment(instance))
    start(SLEEP, {**os.environ, MARKER: f"{instance.marker}-2"})
    start(SLEEP, dict(os.environ))

    assert [process.pid for process in processes(instance)] == [ours.pid]


def test_a_process_that_ignores_the_request_is_killed(instance: Instance, start: Started) -> None:
    """After its grace."""
    stubborn = start(STUBBORN, environment(instance))

    end(processes(instance), grace_seconds=0.5)

    assert stubborn.wait(5) is not None


def test_a_stopped_process_ends_too(instance: Instance, start: Started) -> None:
    """It gets the request only when it goes on."""
    stopped = start(SLEEP, environment(instance))
    stopped.send_signal(signal.SIGSTOP)

    end(processes(instance), grace_seconds=10)

    assert stopped.wait(5) is not None


def test_down_ends_what_a_killed_manager_left_behind(instance: Instance, start: Started) -> None:
    """And only that: the neighbour lives on."""
    ours = start(SLEEP, environment(instance))
    neighbour = start(SLEEP, {**os.environ, MARKER: "/elsewhere"})

    assert local.down(Settings(_env_file=None, home=instance.home)) == 1
    assert ours.wait(5) is not None
    assert neighbour.poll() is None


def test_a_stale_record_of_a_manager_ends_nobody(instance: Instance, start: Started) -> None:
    """After a reboot its number may belong to anybody."""
    somebody = start(SLEEP, dict(os.environ))
    instance.create()
    (instance.run / "supervisord.pid").write_text(f"{somebody.pid}\n")

    assert local.down(Settings(_env_file=None, home=instance.home)) == 0
    assert somebody.poll() is None


def test_the_doctor_names_what_was_left_behind(instance: Instance, start: Started) -> None:
    """And the command that ends it."""
    left = start(SLEEP, environment(instance))

    [finding] = [row for row in doctor(Settings(_env_file=None, home=instance.home)) if row.check == "processes"]

    assert (finding.ok, finding.fix) == (False, "Run `ecom down`.")
    assert str(left.pid) in finding.found


@pytest.mark.parametrize(("gigabytes", "ok"), [(1, False), (16, True)])
def test_the_doctor_says_when_memory_is_short(gigabytes: int, ok: bool) -> None:
    """With the amount that is needed."""
    finding = memory_finding(gigabytes * 1024**3)

    assert finding.ok is ok
    assert ("about 4 GB" in finding.fix) is not ok
