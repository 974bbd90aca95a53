"""The light reader and the Spark view: every order exactly once, as it was stored, while the archive is at work."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.lookup import to_document
from ecom_platform.errors import UnavailableError
from ecom_platform.history.reader import Selection, cold_batches, hot_batches
from ecom_platform.history.snapshot import HistorySnapshot, read_snapshot
from ecom_platform.history.spark_history import create_views, instant_kept, read_history
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store.cluster_time import InstantExpired, cluster_time_from, read_cluster_time
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform.tabular.spark_session import session_options, start_session
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.conftest import Platform
from ecom_platform_tests.kpi.stored import random_order

COUNT = 240
START, END = datetime(2026, 11, 21, 5, tzinfo=UTC), datetime(2026, 11, 22, 20, tzinfo=UTC)
DAYS = 3  # files take their time
Document = dict[str, Any]


@pytest.fixture(scope="module")
def spark(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the module: starting one takes seconds."""
    home: Path = tmp_path_factory.mktemp("spark")
    settings = platform.settings.model_copy(update={"home": home})
    session = start_session(settings, session_options(settings, "test history", master="local[2]"))
    yield session
    session.stop()


@pytest.fixture
def orders(db: MongoDatabase) -> dict[int, Document]:
    """Orders as the stream stores them, hot."""
    ensure_schema(db)
    chance = random.Random(8)
    found = {number: _complete(random_order(chance, number, days=DAYS)) for number in range(1, COUNT + 1)}
    db.orders.insert_many(found.values())
    return found


def _complete(order: Document) -> Document:
    delivery = {**order["delivery"], "courier_name": "Ada"}
    return {**order, "warehouse_name": "North", "delivery": delivery, "src": {"partition": 1, "offset": order["_id"]}}


def now(db: MongoDatabase, settings: Settings) -> HistorySnapshot:
    """What counts at this instant."""
    return read_snapshot(db, settings, read_cluster_time(db))


def light(
    settings: Settings, db: MongoDatabase, snapshot: HistorySnapshot, selection: Selection | None = None
) -> list[Document]:
    """The orders by the light reader, as documents."""
    files = arrow_file_system(settings)
    batches = [
        *hot_batches(db, snapshot, ORDER_SCHEMA, selection),
        *cold_batches(files, snapshot, ORDER_SCHEMA, selection),
    ]
    return documents(pa.Table.from_batches(batches, schema=ORDER_SCHEMA))


def documents(table: pa.Table) -> list[Document]:
    """Rows as the documents they were made of, by id."""
    return sorted(map(to_document, table.to_pylist()), key=lambda order: order["_id"])


def mix(settings: Settings, db: MongoDatabase, orders: dict[int, Document]) -> dict[int, Document]:
    """A third archived, a run in the middle of its purge, orders changed meanwhile, brought back, archived again."""
    handmade.archive(settings, db, range(1, 81), "run-1")
    back = {number: {**orders[number], "version": 7, "user_id": 1} for number in range(1, 11)}
    db.orders.insert_many(back.values())
    db.archive_manifests.update_one({"_id": "run-1"}, {"$set": {"superseded": handmade.bitmap(back)}})
    handmade.archive(settings, db, range(1, 6), "run-2")
    handmade.commit(settings, db, range(81, 161), "run-3")
    handmade.purge(db, "run-3", range(81, 121))
    db.archive_manifests.update_one({"_id": "run-3"}, {"$set": {"state": "PURGING"}})
    db.orders.update_one({"_id": 140}, {"$set": {"version": 9}})
    return {**orders, **back, 140: {**orders[140], "version": 9}}


@pytest.mark.servers
def test_every_order_comes_once_and_as_it_was_stored(
    settings: Settings, db: MongoDatabase, spark: SparkSession, orders: dict[int, Document]
) -> None:
    """By both readers, from every state of a run at once, field by field."""
    counted = mix(settings, db, orders)
    snapshot = now(db, settings)

    assert light(settings, db, snapshot) == [counted[number] for number in sorted(counted)]
    by_spark = read_history(spark, settings, snapshot).toArrow()
    assert documents(by_spark) == [counted[number] for number in sorted(counted)]
    assert by_spark.schema.field("total_cents").type == pa.int64()


@pytest.mark.servers
def test_a_selection_takes_what_it_names_from_both_sides(
    settings: Settings, db: MongoDatabase, spark: SparkSession, orders: dict[int, Document]
) -> None:
    """By order time, by promised time, by the time of a step, by warehouse; files of other days are not even opened."""
    counted = mix(settings, db, orders)
    snapshot = now(db, settings)

    for promised, stepped, warehouses in ((False, False, ()), (True, False, (2,)), (False, True, ())):
        chosen = Selection(START, END, promised=promised, stepped=stepped, warehouses=warehouses)
        wanted = [
            number
            for number, order in sorted(counted.items())
            if any(START <= at < END for at in moments(order, promised=promised, stepped=stepped))
            and (not warehouses or order["warehouse_id"] in warehouses)
        ]
        assert [order["_id"] for order in light(settings, db, snapshot, chosen)] == wanted
        by_spark = read_history(spark, settings, snapshot, chosen).select("order_id").toArrow()
        assert sorted(by_spark.column("order_id").to_pylist()) == wanted


def moments(order: Document, *, promised: bool, stepped: bool) -> list[datetime]:
    """The times by which an order is selected."""
    delivery = order["delivery"]
    steps = [step["at"] for step in delivery["history"]]
    return [order["order_time"], *([delivery["expected_time"]] if promised else []), *(steps if stepped else [])]


@pytest.mark.servers
def test_the_snapshot_stays_what_it_was(settings: Settings, db: MongoDatabase, orders: dict[int, Document]) -> None:
    """Orders that are archived, changed or deleted after it count as they were."""
    handmade.archive(settings, db, range(1, 41))
    snapshot = now(db, settings)
    handmade.archive(settings, db, range(41, 121), "run-2")
    db.orders.update_many({}, {"$set": {"version": 99}})

    assert light(settings, db, snapshot) == [orders[number] for number in sorted(orders)]


@pytest.mark.servers
def test_no_instant_shows_an_order_zero_or_two_times(
    settings: Settings, db: MongoDatabase, orders: dict[int, Document]
) -> None:
    """A reader that polls while runs are committed, purged in small steps and finished."""
    reading = threading.Event()
    mover = threading.Thread(target=_move, args=(settings, db, reading))
    mover.start()
    seen = []
    while mover.is_alive():
        snapshot = now(db, settings)
        reading.set()  # the archive moves on while this snapshot is read
        found = light(settings, db, snapshot)
        assert [order["_id"] for order in found] == sorted(orders)
        seen.append(tuple(manifest.state for manifest in snapshot.cold))
    mover.join()

    assert [order["_id"] for order in light(settings, db, now(db, settings))] == sorted(orders)
    assert {(), ("PURGING",), ("DONE",), ("DONE", "PURGING")} <= set(seen)


def _move(settings: Settings, db: MongoDatabase, reading: threading.Event) -> None:
    for run, ids in (("run-1", list(range(1, 81))), ("run-2", list(range(81, 141)))):
        _await_snapshot(reading)
        handmade.commit(settings, db, ids, run)
        db.archive_manifests.update_one({"_id": run}, {"$set": {"state": "PURGING"}})
        for some in (ids[:30], ids[30:]):
            _await_snapshot(reading)
            db.orders.delete_many({"_id": {"$in": some}})
        _await_snapshot(reading)
        db.archive_manifests.update_one({"_id": run}, {"$set": {"state": "DONE"}})
        _await_snapshot(reading)


def _await_snapshot(reading: threading.Event) -> None:
    """Until a snapshot was taken of the state as it is now; the first to be told of may be older."""
    for _ in range(2):
        reading.clear()
        reading.wait(timeout=60)


@pytest.mark.servers
def test_files_in_no_committed_manifest_do_not_count(
    settings: Settings, db: MongoDatabase, orders: dict[int, Document]
) -> None:
    """Published, revoked by an older version, or of no run: a directory listing would count them twice."""
    for state in ("PUBLISHED", "REVOKED"):
        handmade.commit(settings, db, range(1, 30), state)
        db.archive_manifests.update_one({"_id": state}, {"$set": {"state": state}})
    handmade.write(settings, f"stray-{db.name}", "2026-11-21", [orders[1]])
    db.late_events.insert_one({"_id": "t-0-1", "order_id": 1})

    snapshot = now(db, settings)

    assert len(light(settings, db, snapshot)) == COUNT
    assert snapshot.cold == ()
    assert snapshot.late_events == 1


@pytest.mark.servers
def test_files_of_a_run_that_deleted_nothing_yet_are_not_opened(
    settings: Settings, db: MongoDatabase, orders: dict[int, Document]
) -> None:
    """Every order of it is read from MongoDB."""
    handmade.commit(settings, db, range(1, 30))
    snapshot = now(db, settings)
    path = db.archive_manifests.find_one()["files"][0]["path"]
    arrow_file_system(settings).delete_file(f"{ROOT}/{path}")

    assert snapshot.cold == ()
    assert len(light(settings, db, snapshot)) == COUNT


@pytest.mark.servers
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(
    settings: Settings, db: MongoDatabase, orders: dict[int, Document], damage: str
) -> None:
    """Never an answer without the orders in it."""
    handmade.archive(settings, db, range(1, 101))
    path = now(db, settings).cold[0].files[0].path
    files = arrow_file_system(settings)
    files.delete_file(f"{ROOT}/{path}")
    if damage == "cut short":
        handmade.put(files, path, b"PAR1 and then nothing")

    with pytest.raises(UnavailableError, match=r"order_date=.*parquet"):
        light(settings, db, now(db, settings))


@pytest.mark.servers
def test_an_instant_that_is_gone_is_told_from_a_fault(
    settings: Settings, db: MongoDatabase, spark: SparkSession, orders: dict[int, Document]
) -> None:
    """Both readers say: begin again."""
    at = read_cluster_time(db)
    gone = cluster_time_from(f"{at.time - 1000}:1")
    snapshot = HistorySnapshot(gone, (), {}, 0, {})

    with pytest.raises(InstantExpired):
        read_snapshot(db, settings, gone)
    with pytest.raises(InstantExpired):
        list(hot_batches(db, snapshot))
    with pytest.raises(InstantExpired), instant_kept():
        read_history(spark, settings, snapshot).count()


@pytest.mark.servers
def test_the_views_unfold_lines_and_deliveries(
    settings: Settings, db: MongoDatabase, spark: SparkSession, orders: dict[int, Document]
) -> None:
    """As the views in MongoDB do, over hot and cold."""
    handmade.archive(settings, db, range(1, 101))

    create_views(read_history(spark, settings, now(db, settings)))
    lines = spark.sql("SELECT count(*) n, sum(net_cents) net FROM order_items").first()
    late = spark.sql("SELECT count(*) n FROM deliveries WHERE actual_time > expected_time").first()

    assert lines is not None
    assert late is not None
    every = [line for order in orders.values() for line in order["order_items"]]
    assert (lines.n, lines.net) == (len(every), sum(line["net_cents"] for line in every))
    deliveries = [order["delivery"] for order in orders.values()]
    assert late.n == sum(
        delivery["actual_time"] is not None and delivery["actual_time"] > delivery["expected_time"]
        for delivery in deliveries
    )


@pytest.mark.parametrize(
    ("day", "promised", "taken"),
    [
        ("2026-11-20", False, False),
        ("2026-11-21", False, True),
        ("2026-11-22", False, True),
        ("2026-11-23", False, False),
        ("2026-01-01", True, True),
        ("2020-01-01", True, False),
    ],
)
def test_files_of_other_days_are_left_out(day: str, promised: bool, taken: bool) -> None:
    """An order may be promised up to a year away from its order time, and no farther."""
    assert Selection(START, END, promised=promised).takes(day, committed=END) is taken


def test_a_file_of_any_day_may_hold_steps_until_it_was_committed() -> None:
    """An order may be returned months after it was placed; a clock may be a day ahead of Kafka's, but no more."""
    selection = Selection(START, END, stepped=True)

    assert selection.takes("2026-01-01", committed=START)
    assert selection.takes("2026-01-01", committed=START - timedelta(days=1))
    assert not selection.takes("2026-01-01", committed=START - timedelta(days=3))
    assert selection.takes("2026-11-21", committed=START - timedelta(days=3))


def test_a_selection_ends_before_its_end() -> None:
    """Half-open, to the microsecond."""
    times = [START, END - timedelta(milliseconds=1), END, START - timedelta(milliseconds=1)]
    batch = pa.RecordBatch.from_pylist(
        [{"order_time": at, "warehouse_id": 1} for at in times],
        schema=pa.schema([ORDER_SCHEMA.field("order_time"), ORDER_SCHEMA.field("warehouse_id")]),
    )

    assert Selection(START, END).mask(batch).to_pylist() == [True, True, False, False]
    assert Selection(START, END, warehouses=(2,)).mask(batch).to_pylist() == [False] * 4
