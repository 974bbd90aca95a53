"""The processes of a run: who takes which tests, and that nothing outlives the run."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import uuid4

import pytest

from ecom_platform_tests.processes import DASHBOARD, PLATFORM, group_of, kill_what_is_left


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("ecom_platform_tests/store/test_leases.py::test_one[a@b]", PLATFORM),
        (f"{DASHBOARD}test_live.py::test_one", PLATFORM),
        (f"{DASHBOARD}test_calm.py::test_one", f"{DASHBOARD}test_calm.py"),
        (f"{DASHBOARD}test_palette.py::test_one", f"{DASHBOARD}test_palette.py::test_one"),
        (
            "ecom_platform_tests/contract/test_money.py::test_one",
            "ecom_platform_tests/contract/test_money.py::test_one",
        ),
    ],
)
def test_what_shares_servers_is_together(name: str, group: str) -> None:
    """One platform for the run, one MongoDB and one browser for each module of the dashboard."""
    assert group_of(name) == group


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
