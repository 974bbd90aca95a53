"""kill -9 of the archiver at every step, then a plain re-run: every order counts exactly once, with its content."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import pyarrow as pa
import pytest

from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.run import STEPS, archive
from ecom_platform.history.reader import cold_batches, hot_batches
from ecom_platform.history.snapshot import read_snapshot
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.cluster_time import read_cluster_time
from ecom_platform.store.manifests import RunState, read_manifests
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform_tests.archive.moving import POLICY, Document, due, everything, expected, fill, listed

pytestmark = pytest.mark.usefixtures("empty_archive")

REPOSITORY = Path(__file__).parents[2]
LEFT_BEHIND = {
    "planned": RunState.PLANNED,
    "written": RunState.WRITTEN,
    "published": RunState.PUBLISHED,
    "checked": RunState.PUBLISHED,
    "committed": RunState.COMMITTED,
    "purging": RunState.PURGING,
    "done": RunState.DONE,
    "compacted": RunState.DONE,
}

LONGEST_SECONDS = {
    "planned": 8.0,
    "written": 0.3,
    "published": 0.3,
    "checked": 0.1,
    "committed": 0.2,
    "purging": 0.2,
    "done": 0.1,
}
"""About how long the work after each step takes, so that most kills fall into it."""


@pytest.mark.timeout(600)
def test_one_run_that_is_killed_after_every_step_ends_as_if_it_had_not_been(
    settings: Settings, db: MongoDatabase
) -> None:
    """Each archiver resumes what the one before it left, and is killed one step later, while readers poll."""
    orders = fill(db, count=200)
    for step in STEPS:
        kill_at(settings, db, orders, step, "0")
        [run] = read_manifests(db)
        assert run.state == LEFT_BEHIND[step], step
        assert everything(settings, db) == expected(orders), step
    assert archive(settings, db, POLICY) == []
    assert everything(settings, db) == expected(orders)
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)
    assert listed(settings) == {file.path for file in run.files}


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", ["written", "published", "checked", "purging"])
def test_a_run_killed_between_the_parts_of_a_step_is_repaired_by_the_next(
    settings: Settings, db: MongoDatabase, step: str, record_property: Callable[[str, object], None]
) -> None:
    """Between two files, or two batches; before the first row of the writing."""
    record_property("killed", (f"{STEPS.index(step) + 1}. inside {step}", "archiver"))
    orders = fill(db, count=3_000)
    kill_at(settings, db, orders, step, "half")
    demand_repair(settings, db, orders)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_run_killed_at_any_moment_is_repaired_by_the_next(
    settings: Settings, db: MongoDatabase, step: str, attempt: int, record_property: Callable[[str, object], None]
) -> None:
    """Five random moments in the work that follows each step; five of writing fall into the start of Spark, too."""
    record_property("killed", (f"{STEPS.index(step) + 1}. after {step}", "archiver"))
    orders = fill(db, count=3_000)
    delay = random.Random(f"{step} {attempt}").uniform(0, LONGEST_SECONDS[step])
    kill_at(settings, db, orders, step, str(delay), may_be_done=True)
    demand_repair(settings, db, orders)


def demand_repair(settings: Settings, db: MongoDatabase, orders: dict[int, Document]) -> None:
    """Every order counts once after the crash, and a plain run brings everything to its end."""
    assert everything(settings, db) == expected(orders)
    archive(settings, db, POLICY)
    assert everything(settings, db) == expected(orders)
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)
    assert all(run.state == RunState.DONE for run in read_manifests(db))


def kill_at(
    settings: Settings, db: MongoDatabase, ids: Collection[int], step: str, when: str, *, may_be_done: bool = False
) -> None:
    """Run an archiver that kills itself; see `killed`. A late kill may find it done.

    Readers poll meanwhile: at every instant they must find each order once.
    """
    command = [sys.executable, "-m", "ecom_platform_tests.archive.killed", settings.model_dump_json(), "archive"]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen([*command, step, when], cwd=REPOSITORY, stderr=said) as archiver,
    ):
        try:
            while archiver.poll() is None:
                assert read_ids(settings, db) == sorted(ids)
        finally:
            archiver.kill()
        said.seek(0)
        assert archiver.returncode == -signal.SIGKILL or (may_be_done and archiver.returncode == 0), said.read()


def read_ids(settings: Settings, db: MongoDatabase) -> list[int]:
    """Every order that a reader counts now, hot or cold, as often as it counts it."""
    schema = pa.schema([ORDER_SCHEMA.field("order_id")])
    snapshot = read_snapshot(db, settings, read_cluster_time(db))
    cold = cold_batches(arrow_file_system(settings), snapshot, schema)
    batches = [*hot_batches(db, snapshot, schema), *cold]
    return sorted(number for batch in batches for number in batch.column("order_id").to_pylist())
