"""A child is a process group that ends when it is told to, however stubborn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ecom_platform.streaming.child import ProcessGroup, last_lines, last_words
from ecom_platform_tests.programs import until

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(grandchild.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> ProcessGroup:
    """A child that ignores SIGTERM and has a child of its own, whose number it logged."""
    return begun(STUBBORN, tmp_path)


def begun(script: str, folder: Path) -> ProcessGroup:
    """A child that runs `script` and has logged its first line."""
    log_file = folder / "log"
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", script], stdout=log, start_new_session=True)
    group = ProcessGroup(process, log_file)
    until("its first line", group.last_lines, pause=0.02)
    return group


def is_gone(pid: int) -> bool:
    """Soon so after a process was killed; an orphan stays a zombie until init looks."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_that_ignores_the_request_is_killed_with_all_it_started(stubborn: ProcessGroup) -> None:
    """Asked, given the grace, then the whole group is killed."""
    grandchild = int(stubborn.last_lines()[0])

    assert stubborn.stop(grace_seconds=0.2) == -9
    until("the grandchild is gone", lambda: is_gone(grandchild), 5)


def test_what_a_dead_leader_left_behind_is_killed_when_that_is_noticed(stubborn: ProcessGroup) -> None:
    """A JVM that outlives its driver would go on reading."""
    grandchild = int(stubborn.last_lines()[0])
    stubborn.process.kill()
    stubborn.process.wait()

    assert stubborn.poll() == -9
    until("the grandchild is gone", lambda: is_gone(grandchild), 5)


def test_the_end_of_a_large_log_is_read_without_reading_it_all(tmp_path: Path) -> None:
    """Only the last lines; a missing file has none."""
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {number}" for number in range(100_000)))

    assert list(last_lines(log, 2)) == ["line 99998", "line 99999"]
    assert list(last_lines(tmp_path / "none", 2)) == []


GRACEFUL = """
import signal, subprocess, sys, time
def finish(number, frame):
    time.sleep(0.5)
    print("worker alive" if worker.poll() is None else "worker gone", flush=True)
    sys.exit(0)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
signal.signal(signal.SIGTERM, finish)
print("ready", flush=True)
time.sleep(60)
"""


def test_only_the_leader_is_asked_so_that_its_workers_finish_the_batch(tmp_path: Path) -> None:
    """What it started lives until it has ended."""
    group = begun(GRACEFUL, tmp_path)

    assert group.stop(grace_seconds=20) == 0
    assert list(group.last_lines()) == ["ready", "worker alive"]


def test_the_last_words_are_the_error_even_when_spark_logs_behind_it() -> None:
    """Else the last line that says anything."""
    lines = ["INFO begun", "ERROR stream_ended error=DataLost text=Ten events are gone.", "WARN hook", ""]

    assert last_words(lines) == "Ten events are gone."
    assert last_words(["begun", "killed", " "]) == "killed"
    assert last_words([]) == ""
