"""kill -9 of the workers of batch runs under a real code server and a real daemon: the next runs finish the work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.run import unfinished_runs
from ecom_platform.orchestration.kpis import KPI_JOB
from ecom_platform.orchestration.names import ARCHIVE_JOB, PURGE_JOB
from ecom_platform.store.leases import ARCHIVER_ROLE, read_lease
from ecom_platform_tests.archive.moving import Document, due, everything, expected, fill
from ecom_platform_tests.kpi.stored import add_rollups, stored_daily
from ecom_platform_tests.oracle.daily import naive_daily
from ecom_platform_tests.orchestration.stage import Stage, staged
from ecom_platform_tests.programs import until

pytestmark = pytest.mark.timeout(900)

DEFINITIONS = Path(__file__).with_name("hurried_definitions.py")
RUN_SECONDS = 400


@pytest.fixture
def stage(platform: Any, tmp_path: Path) -> Iterator[Stage]:
    """An instance with a database of its own, for which a hundred kilobytes of orders are too many."""
    own = {"mongodb_database": "test_killed_workers", "topic": "test_killed_workers"}
    marks = {"archive_high_bytes": 100_000, "archive_low_bytes": 1_000}
    connect_hdfs(platform.settings).delete("/ecommerce", recursive=True)
    with staged(platform.settings, tmp_path, DEFINITIONS, **own, **marks) as stage:
        yield stage


@contextmanager
def stopped_at(stage: Stage, command: str, collection: str, after: int) -> Iterator[Callable[[], object]]:
    """Inside, the first `after` of a command on a collection go through and the next one hangs in the server.

    Gives a function that waits for it. The server ends the block only when the hanging command has gone on.
    """
    admin = stage.db.client.admin
    data = {"failCommands": [command], "namespace": f"{stage.db.name}.{collection}"}
    hang = {**data, "blockConnection": True, "blockTimeMS": 10_000}
    entered = admin.command("configureFailPoint", "failCommand", mode={"skip": after}, data=hang)["count"]
    wait = {"timesEntered": entered + 1, "maxTimeMS": RUN_SECONDS * 1000}
    try:
        yield lambda: admin.command("waitForFailPoint", "failCommand", **wait)
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


def kill_worker(stage: Stage, job: str) -> None:
    """Kill the worker of the run of a job that is at work."""
    kill(stage, until(f"a run of {job} is at work", lambda: stage.at_work(job), RUN_SECONDS).run_id)


def kill_archiver(stage: Stage) -> None:
    """The same for the run, of any job, that holds the archiver's role."""
    lease = read_lease(stage.db, ARCHIVER_ROLE)
    assert lease is not None
    assert lease.run_id is not None
    kill(stage, lease.run_id)


def kill(stage: Stage, run_id: str) -> None:
    """SIGKILL the worker of a run; the run ends as failed."""
    os.kill(stage.worker(run_id), signal.SIGKILL)
    assert stage.ended(run_id) == "FAILURE"


def demand_all_archived(stage: Stage, orders: dict[int, Document]) -> None:
    """In the end every order that is due is in the archive only, and each counts once with its content."""
    assert everything(stage.settings, stage.db) == expected(orders)
    until("the next runs finish", lambda: not unfinished_runs(stage.db), RUN_SECONDS)
    assert due(orders).isdisjoint(row["_id"] for row in stage.db.orders.find({}, {"_id": 1}))
    assert everything(stage.settings, stage.db) == expected(orders)


def test_a_killed_archive_run_is_buried_and_the_next_runs_finish_its_work(stage: Stage) -> None:
    """Its worker while Spark writes, then the archiver that purges, between two deletes."""
    orders = fill(stage.db, count=600)
    stage.start()

    until("an archive run is planned", lambda: unfinished_runs(stage.db), RUN_SECONDS)
    kill_worker(stage, ARCHIVE_JOB)
    assert everything(stage.settings, stage.db) == expected(orders)
    with stopped_at(stage, "delete", "orders", after=2) as wait:
        wait()
        kill_archiver(stage)
    demand_all_archived(stage, orders)


@pytest.mark.full
def test_a_run_of_the_daily_kpis_killed_between_two_days_is_finished_by_the_next(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """What is dirty stays dirty until it is computed."""
    record_property("killed", ("Dagster: KPI run between two days", "run worker"))
    orders = fill(stage.db, count=600)
    add_rollups(stage.db, orders.values(), 0, datetime.now(UTC))
    stage.start()
    days = sorted({order["order_date"] for order in orders.values()})[:3]
    touched = datetime(2026, 11, 23, tzinfo=UTC)
    with stopped_at(stage, "delete", "kpi_daily", after=1) as wait:
        marks = [{"_id": f"{day}/0", "day": day, "partition": 0, "at": touched} for day in days]
        stage.db.dirty_days.insert_many(marks)
        wait()
        kill_worker(stage, KPI_JOB)
    until("the next run computes every day", lambda: not stage.db.dirty_days.count_documents({}), RUN_SECONDS)
    for day in days:
        assert stored_daily(stage.db, day) == naive_daily(orders.values(), day)


@pytest.mark.full
@pytest.mark.parametrize("moves", range(5))
def test_an_archive_run_killed_at_a_move_of_its_manifest_is_finished_by_the_next(
    stage: Stage, moves: int, record_property: Callable[[str, object], None]
) -> None:
    """Each kill falls after so many moves, while the next one is in the server's hands; the last is the purge's."""
    record_property("killed", (f"Dagster: archive run at move {moves + 1}", "run worker"))
    orders = fill(stage.db, count=600)
    with stopped_at(stage, "findAndModify", "archive_manifests", after=moves) as wait:
        stage.start()
        wait()
        kill_archiver(stage)
    demand_all_archived(stage, orders)


@pytest.mark.full
def test_a_purge_run_killed_between_two_deletes_is_finished_by_the_next(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """Where nothing happened to the archive run before it, the purge is a run of its own."""
    record_property("killed", ("Dagster: purge run between two deletes", "run worker"))
    orders = fill(stage.db, count=600)
    with stopped_at(stage, "delete", "orders", after=2) as wait:
        stage.start()
        wait()
        kill_worker(stage, PURGE_JOB)
    demand_all_archived(stage, orders)
