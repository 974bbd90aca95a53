"""Compactions that are killed, with their process or a server: every order counts once, then and after."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.run import archive
from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings
from ecom_platform_tests.archive.compacting import (
    NOTHING,
    STEPS,
    demand_compacted,
    give_up_role,
    run_compaction,
)
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.conftest import Platform

REPOSITORY = Path(__file__).parents[2]


def test_compactions_killed_after_every_step_end_as_if_they_had_not_been(shop: Shop) -> None:
    """Kill -9, again and again, one step later each time; then a plain archive run."""
    before = shop.orders()
    for step in STEPS:
        kill_at(shop.settings, step)
        assert shop.orders() == before, step
    archive(shop.settings, shop.db, NOTHING)
    demand_compacted(shop, before)


@pytest.mark.full
@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("step", STEPS)
def test_a_compaction_killed_at_any_moment_is_repaired_by_the_next_run(
    shop: Shop, step: int, attempt: int, record_property: Callable[[str, object], None]
) -> None:
    """Moments after each step, while the next one is at work."""
    record_property("killed", (f"8. compaction, {step} of {STEPS[-1]} steps done", "archiver"))
    before = shop.orders()
    kill_at(shop.settings, step, after_seconds=attempt * 0.02)
    assert shop.orders() == before
    archive(shop.settings, shop.db, NOTHING)
    demand_compacted(shop, before)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["mongodb", "namenode", "datanode"])
@pytest.mark.parametrize("step", STEPS)
def test_a_server_killed_during_a_compaction_costs_nothing(
    shop: Shop, platform: Platform, step: int, victim: str, record_property: Callable[[str, object], None]
) -> None:
    """A kill -9 of mongod, NameNode or DataNode after each step: every order counts once, then and after."""
    record_property("killed", (f"8. compaction, {step} of {STEPS[-1]} steps done", victim))
    before = shop.orders()

    def kill(archiver: Archiver) -> None:
        process = psutil.Process(platform.pid(victim))
        process.kill()
        process.wait(60)  # until its supervisor knows

    with suppress(UnavailableError):
        run_compaction(shop, {step: kill})
    platform.ensure_up()
    give_up_role(shop)
    assert orders_when_readable(shop) == before
    archive(shop.settings, shop.db, NOTHING)
    demand_compacted(shop, before)


def orders_when_readable(shop: Shop) -> dict[int, dict[str, Any]]:
    """All orders, as soon as a DataNode that was started again serves its blocks."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return shop.orders()
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise


def kill_at(settings: Settings, step: int, after_seconds: float = 0.0) -> None:
    """Run an archiver that kills itself in its compaction; a late kill may find it done."""
    command = [sys.executable, "-m", "ecom_platform_tests.archive.killed", settings.model_dump_json(), "compact"]
    done = subprocess.run(
        [*command, str(step), str(after_seconds)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL or (after_seconds and done.returncode == 0), done.stderr
