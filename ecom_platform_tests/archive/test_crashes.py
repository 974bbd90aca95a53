"""kill -9 of the archiver at every step, then a plain re-run: every order counts exactly once, with its content."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.run import STEPS, archive
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.manifests import RunState, read_manifests
from ecom_platform_tests.archive.moving import POLICY, due, everything, expected, fill

pytestmark = pytest.mark.servers

REPOSITORY = Path(__file__).parents[2]
LEFT_BEHIND = {
    "planned": RunState.PLANNED,
    "written": RunState.WRITTEN,
    "verified": RunState.VERIFIED,
    "published": RunState.PUBLISHED,
    "committed": RunState.COMMITTED,
    "checked": RunState.COMMITTED,
    "purging": RunState.PURGING,
    "done": RunState.DONE,
}


@pytest.fixture(autouse=True)
def empty_archive(settings: Settings) -> None:
    """Tests have a database each, but share HDFS."""
    connect_hdfs(settings).delete("/ecommerce", recursive=True)


@pytest.mark.timeout(600)
def test_one_run_that_is_killed_after_every_step_ends_as_if_it_had_not_been(
    settings: Settings, db: MongoDatabase
) -> None:
    """Each archiver resumes what the one before it left, and is killed one step later."""
    orders = fill(db, count=200)
    for step in STEPS:
        kill_at(settings, step, "done")
        [run] = read_manifests(db)
        assert run.state == LEFT_BEHIND[step], step
        assert everything(settings, db) == expected(orders), step
    assert archive(settings, db, POLICY) == []
    assert everything(settings, db) == expected(orders)
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)
    assert files(settings) == {file.path for file in run.files}


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("where", ["half", "done"])
@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_once_at_any_step_is_repaired_by_the_next(
    settings: Settings, db: MongoDatabase, step: str, where: str
) -> None:
    """Alone, after each step and, where a step has parts, between them."""
    if where == "half" and step in ("planned", "committed", "done"):
        pytest.skip("a step of one transaction has no middle")
    orders = fill(db, count=3_000)
    kill_at(settings, step, where)
    assert everything(settings, db) == expected(orders)
    archive(settings, db, POLICY)
    assert everything(settings, db) == expected(orders)
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)


def kill_at(settings: Settings, step: str, where: str) -> None:
    """Run an archiver of its own process group that kills itself at the point; what it leaves alive is ended too."""
    command = [sys.executable, "-m", "ecom_platform_tests.archive.killed_archiver"]
    done = subprocess.run(
        [*command, settings.model_dump_json(), step, where], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def files(settings: Settings) -> set[str]:
    """What a listing of the archive shows, below its root."""
    statuses = connect_hdfs(settings).list_status(ROOT, recursive=True)
    return {status.path.removeprefix(f"{ROOT}/") for status in statuses if not status.isdir}
