"""Readers of history beside a compaction: the same orders and the same figures before, during and after."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from ecom_platform.archive.archiver_lease import held_archiver
from ecom_platform.archive.compact import compact
from ecom_platform.archive.hdfs import arrow_file_system, connect_hdfs
from ecom_platform.archive.policy import policy_of
from ecom_platform.archive.run import archive
from ecom_platform.history.kpi import answer_kpis
from ecom_platform.history.question import Filters, KpiQuestion
from ecom_platform.history.reader import cold_batches, hot_batches
from ecom_platform.history.snapshot import HistorySnapshot, read_snapshot
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store.cluster_time import read_cluster_time
from ecom_platform.store.manifests import RunKind
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.kpi.stored import NOW, random_order

COUNT = 90
RANGE = (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC))
AWAIT_SECONDS = 60


@pytest.fixture(autouse=True)
def shop(settings: Settings, db: MongoDatabase) -> None:
    """Orders of two or three days; two runs archived two thirds of them, and some came back, changed."""
    connect_hdfs(settings).delete("/ecommerce", recursive=True)
    ensure_schema(db)
    chance = random.Random(5)
    orders = [{**random_order(chance, number, days=2), "warehouse_name": None} for number in range(1, COUNT + 1)]
    db.orders.insert_many(orders)
    for run, ids in (("run-1", range(1, 31)), ("run-2", range(31, 61))):
        handmade.archive(settings, db, ids, run)
        back = [{**order, "version": 7, "user_id": 1} for order in orders if order["_id"] in ids[:6]]
        db.orders.insert_many(back)
        superseded = handmade.bitmap(order["_id"] for order in back)
        db.archive_manifests.update_one({"_id": run}, {"$set": {"superseded": superseded}})


def now(settings: Settings, db: MongoDatabase) -> HistorySnapshot:
    """What counts at this instant."""
    return read_snapshot(db, settings, read_cluster_time(db))


def read(settings: Settings, db: MongoDatabase, snapshot: HistorySnapshot) -> list[dict[str, Any]]:
    """Every order as the light reader gives it, by id."""
    batches = [*hot_batches(db, snapshot), *cold_batches(arrow_file_system(settings), snapshot)]
    return pa.Table.from_batches(batches, schema=ORDER_SCHEMA).sort_by("order_id").to_pylist()


def figures(settings: Settings, db: MongoDatabase) -> dict[str, Any]:
    """Every KPI of the range."""
    return answer_kpis(settings, db, KpiQuestion.ask(*RANGE, NOW, Filters()))


def test_no_instant_of_a_compaction_shows_an_order_zero_or_two_times(settings: Settings, db: MongoDatabase) -> None:
    """A reader that polls before, between and after its steps."""
    before, asked = read(settings, db, now(settings, db)), figures(settings, db)
    assert [order["order_id"] for order in before] == list(range(1, COUNT + 1))
    reading = threading.Event()

    def wait_for_reader(step: str, done: int, total: int) -> None:
        # Twice: the first snapshot to be told of may be older than this step.
        for _ in range(2):
            reading.clear()
            assert reading.wait(AWAIT_SECONDS)

    def work() -> None:
        with held_archiver(settings, db, progress=wait_for_reader) as archiver:
            compact(archiver)

    kinds = set()
    with ThreadPoolExecutor(1) as pool:
        compacting = pool.submit(work)
        while not compacting.done():
            snapshot = now(settings, db)
            reading.set()  # the compaction goes on while this snapshot is read
            assert read(settings, db, snapshot) == before
            kinds.add(tuple(run.kind for run in snapshot.cold if run.files))
        compacting.result()

    assert read(settings, db, now(settings, db)) == before
    assert figures(settings, db) == asked
    days = len({order["order_date"] for order in before})
    assert {(RunKind.ARCHIVE,) * 2, (RunKind.COMPACTION,) * days} < kinds


def test_an_instant_before_a_compaction_can_still_be_read_after_it_and_a_further_run(
    settings: Settings, db: MongoDatabase
) -> None:
    """The files that counted then are still there."""
    snapshot = now(settings, db)
    before = read(settings, db, snapshot)
    with held_archiver(settings, db) as archiver:
        assert compact(archiver)

    archive(settings, db, policy_of(settings, now=datetime(2020, 1, 1, tzinfo=UTC)))

    assert read(settings, db, snapshot) == before
    assert read(settings, db, now(settings, db)) == before
