"""The processes of a run: who takes which tests, and that nothing outlives the run."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import uuid4

from ecom_platform_tests.processes import kill_what_is_left, longest_first


def test_long_modules_come_first_and_those_without_servers_last() -> None:
    """Within each kind the random order stays."""
    short, long = ["kpi/test_b.py", "kpi/test_a.py"], "orchestration/test_killed_workers.py"
    servers = ["store/test_z.py", "store/test_a.py", long]

    assert longest_first([*short, *servers, *short], servers) == [long, "store/test_z.py", "store/test_a.py", *short]


def test_what_a_run_left_is_killed_and_nothing_else() -> None:
    """By the name of the run in its environment."""
    run, other = uuid4().hex, uuid4().hex
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    mine, foreign = (
        subprocess.Popen(sleep, env={**os.environ, "PYTEST_XDIST_TESTRUNUID": name}) for name in (run, other)
    )
    try:
        assert kill_what_is_left(run) == [mine.pid]
        assert mine.wait(20) != 0
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()
