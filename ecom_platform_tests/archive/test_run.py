"""A whole archive run on real servers and a real Spark: what moves, what stays, what is written about it."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pyspark.sql import SparkSession

from ecom_platform.archive.hdfs import arrow_file_system, connect_hdfs
from ecom_platform.archive.layout import ROOT, STAGING, manifest_copy, staging_folder
from ecom_platform.archive.policy import Policy
from ecom_platform.archive.run import STEPS, archive
from ecom_platform.archive.where import where
from ecom_platform.errors import EcomError
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.manifests import RunState, read_manifests
from ecom_platform_tests.archive.handmade import put
from ecom_platform_tests.archive.moving import POLICY, At, due, everything, expected, fill, listed
from ecom_platform_tests.kpi.stored import NOW

pytestmark = pytest.mark.usefixtures("empty_archive")


def test_closed_old_orders_move_and_all_others_stay(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """Every order counts once before and after, with the same content; only those that are due left MongoDB."""
    orders = fill(db)
    steps: list[str] = []
    [run] = archive(settings, db, POLICY, spark=spark, progress=lambda step, *_: steps.append(step))
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)
    assert everything(settings, db) == expected(orders)
    assert run.state == RunState.DONE
    assert run.rows == len(due(orders))
    assert tuple(dict.fromkeys(steps)) == STEPS
    assert archive(settings, db, POLICY, spark=spark) == []


def test_a_run_tells_about_itself(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """A summary row per day, a copy of the manifest beside the files, nothing left in the staging."""
    orders = fill(db)
    [run] = archive(settings, db, POLICY, spark=spark)
    per_day = {row["day"]: row for row in db.orders_archive_summary.find()}
    days = {number: order["order_date"] for number, order in orders.items()}
    gone = due(orders)
    old = {number for number, order in orders.items() if NOW - order["order_time"] > timedelta(days=1)}
    assert {day: row["rows"] for day, row in per_day.items()} == {
        day: sum(days[number] == day for number in gone) for day in {days[number] for number in gone}
    }
    assert {day: row["open_orders_left"] for day, row in per_day.items()} == {
        day: sum(days[number] == day for number in old - gone) for day in per_day
    }
    client = connect_hdfs(settings)
    copy = json.loads(client.read(manifest_copy(run.run)).read())
    assert [file["path"] for file in copy["files"]] == [f"{ROOT}/{file.path}" for file in run.files]
    assert all(client.get_file_info(file["path"]).length == file["bytes"] for file in copy["files"])
    assert (copy["rows"], copy["state"], copy["verdict"]["passed"]) == (len(gone), "DONE", True)
    assert list(client.list_status(STAGING)) == []


def test_the_files_are_plain_parquet_for_everybody(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """Spark without our schema, pyarrow and DuckDB find the partitions, the types, Snappy and the same money."""
    orders = fill(db)
    [run] = archive(settings, db, POLICY, spark=spark)
    cents = sum(orders[number]["total_cents"] for number in due(orders))

    frame = spark.read.parquet(f"{settings.hdfs_uri}{ROOT}")
    types = dict(frame.dtypes)
    assert (types["order_time"], types["total_cents"]) == ("timestamp", "bigint")
    assert types["order_items"].startswith("array<struct<order_item_id:string,product_id:bigint")
    assert types["delivery"].startswith("struct<delivery_id:bigint")
    assert frame.agg({"total_cents": "sum"}).collect()[0][0] == cents

    found = ds.dataset(ROOT, filesystem=arrow_file_system(settings), partitioning="hive")
    table = found.to_table()
    assert table.schema.field("order_time").type == pa.timestamp("us", "UTC")
    assert table.schema.field("total_cents").type == pa.int64()
    assert set(map(str, table.column("order_date").to_pylist())) == set(run.days)
    assert sum(table.column("total_cents").to_pylist()) == cents
    fragment = next(iter(found.get_fragments()))
    assert fragment.metadata.row_group(0).column(0).compression == "SNAPPY"
    with duckdb.connect() as engine:
        engine.register("archived", table)
        query = "SELECT sum(item.quantity) FROM (SELECT unnest(order_items) AS item FROM archived)"
        units = engine.execute(query).fetchone()
    assert units == (sum(orders[number]["quantity"] for number in due(orders)),)


def test_an_order_that_changes_while_it_is_archived_stays_hot(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """One order per step, changed right after it, as the stream would: the change counts, and counts once."""
    orders = fill(db)
    changing = dict(zip(STEPS[:5], sorted(due(orders)), strict=False))

    def change(step: str, done: int, total: int) -> None:
        if done == total and step in changing:
            number = changing[step]
            db.orders.update_one({"_id": number}, {"$inc": {"version": 1}, "$set": {"extra": f'"{step}"'}})
            orders[number] |= {"version": orders[number]["version"] + 1, "extra": f'"{step}"'}
            assert everything(settings, db) == expected(orders), step

    [run] = archive(settings, db, POLICY, spark=spark, progress=change)
    assert everything(settings, db) == expected(orders)
    # What changed after the plan but before it was read was archived as it is by then.
    late = {number for step, number in changing.items() if step != "planned"}
    assert {row["_id"] for row in db.orders.find({"extra": {"$regex": '^"'}})} == late
    assert set(run.superseded) == late


def test_files_of_no_manifest_are_removed_if_their_token_is_older(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """What a crashed archiver left goes; what is not ours, or a newer one's, stays."""
    fill(db, count=50)
    client = connect_hdfs(settings)
    mine, newer = "part-20200101T000000-0-0-00000.snappy.parquet", "part-20200101T000000-99-99-00000.snappy.parquet"
    for name in (mine, newer, "notes.txt"):
        put(settings, f"{ROOT}/order_date=2026-11-20/{name}", b"left")
    put(settings, f"{staging_folder('20200101T000000-0', 0)}/order_date=2026-11-20/x", b"left")
    [run] = archive(settings, db, POLICY, spark=spark)
    left = {path.rpartition("/")[2] for path in listed(settings)} - {file.path.rpartition("/")[2] for file in run.files}
    assert left == {newer, "notes.txt"}
    assert list(client.list_status(STAGING)) == []


def test_an_archive_beside_an_emptied_mongodb_is_kept(
    settings: Settings, db: MongoDatabase, spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Its manifests in HDFS are all that speaks for its files, which may be all that is left of their orders."""
    fill(db, count=50)
    archive(settings, db, POLICY, spark=spark)
    kept = set(listed(settings))
    db.client.drop_database(db.name)
    fill(db, count=50)

    for _ in range(3):  # each under a greater token than the files carry
        archive(settings, db, POLICY, spark=spark)

    assert kept <= set(listed(settings))
    assert "archive_of_another_database runs=1" in caplog.text


def test_only_the_asked_days_are_archived(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """As a run for some partitions asks for."""
    orders = fill(db)
    day = (NOW - timedelta(days=3)).date().isoformat()
    [run] = archive(settings, db, POLICY, days=[day], spark=spark)
    assert run.days == (day,)
    gone = {number for number in due(orders) if orders[number]["order_date"] == day}
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - gone


def test_an_order_can_be_asked_for_at_any_time(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """Hot, hot with a copy in a committed run, archived with its day and file, unknown."""
    orders = fill(db, count=60)
    old, young = min(due(orders)), min(set(orders) - due(orders))
    seen: list[str] = []
    [run] = archive(
        settings, db, POLICY, spark=spark, progress=At("committed", lambda: seen.append(where(settings, db, old).place))
    )
    found = where(settings, db, old)
    assert seen == ["hot"]
    assert (found.place, found.day, found.run) == ("archived", orders[old]["order_date"], run.run)
    assert found.path in {f"{ROOT}/{file.path}" for file in run.files}
    assert where(settings, db, young).place == "hot"
    assert where(settings, db, 10**15).place == "unknown"


def test_a_policy_above_all_ages_does_nothing(settings: Settings, db: MongoDatabase) -> None:
    """And needs no Spark for it."""
    orders = fill(db, count=50)
    assert archive(settings, db, Policy.at(NOW, timedelta(days=100), timedelta(days=100))) == []
    assert db.orders.count_documents({}) == len(orders)


def test_the_stream_is_let_in_between_two_batches_of_the_purge(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """Orders that are updated all through the purge end as the last update says, hot or cold."""
    orders = fill(db)
    ended, updates = threading.Event(), []

    def update_all() -> None:
        while not ended.is_set():
            for number in sorted(due(orders)):
                row = db.orders.find_one_and_update({"_id": number}, {"$inc": {"version": 1}})
                updates.append((number, row))

    updating = threading.Thread(target=update_all)
    try:
        [run] = archive(settings, db, POLICY, spark=spark, progress=At("purging", updating.start, middle=True))
    finally:
        ended.set()
        updating.join()
    for number, row in updates:
        orders[number]["version"] += row is not None
    assert updates
    assert everything(settings, db) == expected(orders)
    assert set(run.superseded) == {number for number, row in updates if row is not None}


def test_errors_of_a_run_say_what_to_do_next(settings: Settings, db: MongoDatabase) -> None:
    """Without HDFS nothing is planned."""
    fill(db, count=20)
    with pytest.raises(EcomError, match="ecom"):
        archive(settings.model_copy(update={"hdfs_uri": "hdfs://127.0.0.1:1"}), db, POLICY)
    assert read_manifests(db) == []
