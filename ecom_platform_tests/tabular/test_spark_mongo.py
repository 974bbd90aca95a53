"""What Spark reads from MongoDB through our data source, compared with what pymongo put there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bson import ObjectId, json_util
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from ecom_platform.errors import UsageError
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store.cluster_time import (
    InstantExpired,
    cluster_time_from,
    cluster_time_text,
    database_at,
    instant_errors,
    read_at_one_instant,
    read_cluster_time,
)
from ecom_platform.tabular.arrow_documents import IdRange, arrow_batches, plan_id_ranges
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform.tabular.spark_mongo import FORMAT, MongoDataSource, order_schema, read_orders, register_mongo
from ecom_platform.tabular.spark_session import session_options, start_session
from ecom_platform_tests.conftest import Platform
from ecom_platform_tests.kpi.stored import random_order

NOON = datetime(2026, 11, 20, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def spark(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the module: starting one takes seconds."""
    home: Path = tmp_path_factory.mktemp("spark")
    settings = platform.settings.model_copy(update={"home": home})
    session = start_session(settings, session_options(settings, "test mongo", master="local[2]"))
    yield session
    session.stop()


def load(spark: SparkSession, settings: Settings, schema: str, collection: str = "things", **options: str) -> DataFrame:
    """A data frame over a collection of the test's database."""
    register_mongo(spark, settings)
    return spark.read.format(FORMAT).schema(schema).options(collection=collection, **options).load()


def rows(frame: DataFrame) -> list[dict[str, Any]]:
    """The rows as plain documents, in the order of their first column."""
    found = [row.asDict(recursive=True) for row in frame.collect()]
    return sorted(found, key=lambda row: str(next(iter(row.values()))))


@pytest.mark.servers
def test_spark_keeps_its_temporary_files_in_the_home(spark: SparkSession) -> None:
    """Its folders and the libraries it unpacks: whatever ends it, they are found and deleted there."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    places = [jvm.java.lang.System.getProperty("java.io.tmpdir"), spark.conf.get("spark.local.dir")]

    assert len(set(places)) == 1
    assert Path(str(places[0])).parent.name == "tmp"
    assert Path(str(places[0])).parents[1].name.startswith("spark")


@pytest.mark.servers
def test_every_type_arrives_as_it_was_stored(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """Times in UTC to the millisecond, 64-bit integers to the last unit, dates of timestamps, object ids as text."""
    key = ObjectId()
    db.things.insert_one(
        {"_id": key, "b": True, "i": -5, "l": 2**63 - 1, "d": 0.5, "f": 0.25, "s": "Zoë ☃", "t": NOON, "day": NOON}
    )

    frame = load(
        spark, settings, "_id string, b boolean, i int, l long, d double, f float, s string, day date, t timestamp"
    )

    (row,) = rows(frame)
    times = frame.selectExpr("unix_millis(t) AS ms").first()
    assert row["_id"] == str(key)
    assert (row["b"], row["i"], row["l"], row["d"], row["f"], row["s"]) == (True, -5, 2**63 - 1, 0.5, 0.25, "Zoë ☃")
    assert row["day"] == date(2026, 11, 20)
    assert times is not None
    assert times.ms == 1_795_176_000_123


@pytest.mark.servers
def test_missing_values_are_null_and_empty_lists_are_not(
    spark: SparkSession, settings: Settings, db: MongoDatabase
) -> None:
    """A sub-document without any value in the fields asked for is null, like one that is missing."""
    db.things.insert_many(
        [
            {"_id": 1, "n": 7, "inner": {"a": 1, "b": "x"}, "list": [1, 2]},
            {"_id": 2},
            {"_id": 3, "n": None, "inner": None, "list": None},
            {"_id": 4, "inner": {"b": None, "other": 1}, "list": []},
            {"_id": 5, "inner": {"b": "y"}, "list": [None, 3]},
        ]
    )

    found = rows(load(spark, settings, "_id long, n long, inner struct<a: long, b: string>, list array<long>"))

    nothing = {"n": None, "inner": None, "list": None}
    assert found == [
        {"_id": 1, "n": 7, "inner": {"a": 1, "b": "x"}, "list": [1, 2]},
        {"_id": 2, **nothing},
        {"_id": 3, **nothing},
        {"_id": 4, **nothing, "list": []},
        {"_id": 5, **nothing, "inner": {"a": None, "b": "y"}, "list": [None, 3]},
    ]


@pytest.mark.servers
def test_lists_of_sub_documents_keep_their_elements(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """Also when fields are missing in some of them, and with lists inside of lists."""
    lines = [
        {"id": "a", "tags": [{"k": 1, "at": NOON}]},
        {"tags": []},
        {"id": "c", "price": 5},
        {"id": "d", "tags": None},
    ]
    db.things.insert_many([{"_id": 1, "lines": lines}, {"_id": 2, "lines": []}, {"_id": 3, "lines": [{"id": "e"}]}])

    found = rows(
        load(
            spark,
            settings,
            "_id long, lines array<struct<id: string, price: long, tags: array<struct<k: int, at: timestamp>>>>",
        ).selectExpr(
            "_id",
            "transform(lines, x -> x.id) ids",
            "transform(lines, x -> x.price) prices",
            "transform(lines, x -> size(x.tags)) tags",
            "unix_millis(get(get(lines, 0).tags, 0).at) at",
        )
    )

    assert [row["ids"] for row in found] == [["a", None, "c", "d"], [], ["e"]]
    assert [row["prices"] for row in found] == [[None, None, 5, None], [], [None]]
    assert found[0]["tags"] == [1, 0, None, None]
    assert found[0]["at"] == 1_795_176_000_123


@pytest.mark.servers
def test_a_stored_order_is_read_whole(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """The columns of the order, compared field by field with the documents."""
    ensure_schema(db)
    chance = random.Random(4)
    orders = [random_order(chance, number) for number in range(1, 41)]
    db.orders.insert_many(orders)

    register_mongo(spark, settings)
    found = pa.Table.from_batches(read_orders(spark, settings, partitions=3).toArrow().to_batches()).to_pylist()

    expected = [_as_row(order) for order in orders]
    assert sorted(found, key=lambda row: row["order_id"]) == expected


def _as_row(order: dict[str, Any]) -> dict[str, Any]:
    absent = {"warehouse_name": None, "src": None, "extra": None}
    steps = [{**step, "extra": None} for step in order["delivery"]["history"]]
    delivery = {**order["delivery"], "courier_name": None, "history": steps}
    return {**{k: v for k, v in order.items() if k != "_id"}, **absent, "order_id": order["_id"], "delivery": delivery}


@pytest.mark.servers
@pytest.mark.parametrize("partitions", ["1", "3"])
def test_nothing_to_read_is_an_empty_frame(
    spark: SparkSession, settings: Settings, db: MongoDatabase, partitions: str
) -> None:
    """An empty collection, one that does not exist, and a filter that selects nothing."""
    db.create_collection("things")
    db.full.insert_one({"_id": 1, "n": 1})

    assert rows(load(spark, settings, "_id long", partitions=partitions)) == []
    assert rows(load(spark, settings, "_id long", "never_made", partitions=partitions)) == []
    filtered = load(spark, settings, "_id long, n long", "full", partitions=partitions, filter='{"n": {"$gt": 1}}')
    assert rows(filtered) == []


@pytest.mark.servers
def test_the_server_evaluates_the_filter(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """On fields that are not read at all, with times in extended JSON."""
    db.things.insert_many([{"_id": n, "at": NOON + timedelta(hours=n), "secret": n % 3} for n in range(10)])

    wanted = json_util.dumps({"secret": 0, "at": {"$lt": NOON + timedelta(hours=9)}})

    assert [row["_id"] for row in rows(load(spark, settings, "_id long", filter=wanted))] == [0, 3, 6]


@pytest.mark.servers
def test_comparisons_in_where_reach_the_server_and_change_nothing(
    spark: SparkSession, settings: Settings, db: MongoDatabase
) -> None:
    """The profiler of the server sees the pushed conditions; the answer is that of Spark alone."""
    db.things.insert_many(
        [{"_id": n, "in": {"s": "ab"[n % 2]}, "at": NOON + timedelta(milliseconds=n), "n": n} for n in range(20)]
    )
    db.command("profile", 2)
    condition = "key < 15 AND `in`.s = 'a' AND at < timestamp'2026-11-20 12:00:00.1345' AND n IN (2, 4, 5, 12, 14)"

    frame = load(spark, settings, "key long, `in` struct<s: string>, at timestamp, n long", id_column="key")
    found = [row["key"] for row in rows(frame.where(condition))]

    db.command("profile", 0)
    asked = [row["command"]["filter"] for row in db.system.profile.find({"command.find": "things"})]
    assert sorted(found) == [2, 4]
    sent = {path: operators for condition in asked[0]["$and"] for path, operators in condition.items()}
    assert set(sent) == {"_id", "in.s", "at", "n"}


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["dense", "sparse", "texts", "mixed"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_ranges_cover_every_document_exactly_once(db: MongoDatabase, kind: str, count: int) -> None:
    """Whatever the ids are, also with a filter, and for documents that come after the planning."""
    keys: list[Any] = {
        "dense": list(range(500)),
        "sparse": [number**3 for number in range(-50, 50)],
        "texts": [f"{number:x}" for number in range(300)],
        "mixed": [*range(100), *(f"k{number}" for number in range(100)), *(ObjectId() for _ in range(100))],
    }[kind]
    db.things.insert_many([{"_id": key, "even": number % 2 == 0} for number, key in enumerate(keys)])
    ranges = plan_id_ranges(db.things, {"even": True}, count)
    db.things.insert_many([{"_id": -(10**9), "even": True}, {"_id": 10**9, "even": True}, {"_id": "~", "even": True}])

    schema = pa.schema([("_id", pa.string())])
    found = [
        row["_id"]
        for ids in ranges
        for batch in arrow_batches(db.things, schema, {"even": True}, id_range=ids)
        for row in batch.to_pylist()
    ]

    assert len(ranges) == count
    expected = [str(row["_id"]) for row in db.things.find({"even": True})]
    assert sorted(found) == sorted(expected)


@pytest.mark.servers
def test_few_documents_are_not_cut_into_more_ranges_than_there_are(db: MongoDatabase) -> None:
    """Two documents, eight ranges asked for."""
    db.things.insert_many([{"_id": 1}, {"_id": 2}])

    assert plan_id_ranges(db.things, {}, 8) == [IdRange()]


@pytest.mark.servers
def test_a_view_is_read_in_one_piece(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """Its ids are not those of an index; `order_items` has one row per line."""
    ensure_schema(db)
    chance = random.Random(5)
    orders = [random_order(chance, number) for number in range(1, 21)]
    db.orders.insert_many(orders)

    found = rows(load(spark, settings, "order_item_id string, net_cents long", "order_items", partitions="4"))

    lines = [line for order in orders for line in order["order_items"]]
    assert sorted((row["order_item_id"], row["net_cents"]) for row in found) == sorted(
        (line["order_item_id"], line["net_cents"]) for line in lines
    )


@pytest.mark.servers
def test_a_cluster_time_reads_the_past(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """Changes, inserts and deletes after it are not seen, in any partition."""
    db.things.insert_many([{"_id": number, "n": 1} for number in range(50)])
    at = read_cluster_time(db)
    db.things.update_many({"_id": {"$lt": 10}}, {"$set": {"n": 100}})
    db.things.delete_many({"_id": {"$gte": 40}})
    db.things.insert_one({"_id": 1000, "n": 1000})

    then = load(spark, settings, "_id long, n long", at_cluster_time=cluster_time_text(at)).selectExpr("sum(n) s")
    now = load(spark, settings, "_id long, n long").selectExpr("sum(n) s")

    assert rows(then) == [{"s": 50}]
    assert rows(now) == [{"s": 30 + 10 * 100 + 1000}]


@pytest.mark.servers
def test_an_instant_that_is_gone_says_so_and_the_reading_starts_again(db: MongoDatabase) -> None:
    """The server keeps five minutes; an older instant is not an error of the server."""
    db.things.insert_one({"_id": 1})
    tried = []

    def read(at: Any) -> int:
        tried.append(at)
        old = cluster_time_from(f"{at.time - 1000}:1") if len(tried) == 1 else at
        with instant_errors("reading things"):
            return len(list(database_at(db, old).things.find()))

    assert read_at_one_instant(db, read) == 1
    assert len(tried) == 2
    with pytest.raises(InstantExpired, match="again"):
        read_at_one_instant(db, lambda at: read(tried.clear() or at), attempts=2)


@pytest.mark.servers
def test_a_value_of_another_type_is_an_error(spark: SparkSession, settings: Settings, db: MongoDatabase) -> None:
    """A silent null would be a wrong sum."""
    db.things.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": "two"}])

    with pytest.raises(PySparkException, match="unexpected type `string` instead of expected type `int64`"):
        load(spark, settings, "_id long, n long").collect()


@pytest.mark.servers
def test_a_password_stands_in_no_plan(spark: SparkSession, settings: Settings) -> None:
    """Neither that of the registered address nor one given as an option."""
    secret = settings.model_copy(update={"mongodb_uri": "mongodb://user:hidden1@127.0.0.1/"})
    frame = load(spark, secret, "_id long")
    other = load(spark, settings, "_id long", uri="mongodb://user:hidden2@127.0.0.1/")

    plans = str(frame._jdf.queryExecution().logical()) + str(other._jdf.queryExecution().logical())

    assert "hidden" not in plans
    assert "hidden" not in repr(
        MongoDataSource({"uri": secret.mongodb_uri, "collection": "c", "database": "d"}).reader(order_schema())._address
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colection": "x"}, "colection"),
        ({}, "needs a collection"),
        ({"collection": "c", "uri": "u", "database": "d", "filter": "{not json"}, "extended JSON"),
        ({"collection": "c", "uri": "u", "database": "d", "filter": "[1]"}, "must be a document"),
        ({"collection": "c", "uri": "u", "database": "d", "partitions": "0"}, "partitions"),
        ({"collection": "c", "uri": "u", "database": "d", "at_cluster_time": "now"}, "cluster time"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, str], said: str) -> None:
    """A mistyped option would otherwise read everything without a word."""
    with pytest.raises(UsageError, match=said):
        MongoDataSource(options).reader(order_schema())


def test_a_schema_is_needed_and_its_types_are_checked() -> None:
    """Decimals are not read; the column is named."""
    with pytest.raises(UsageError, match="schema"):
        MongoDataSource({}).schema()
    schema = pa.schema([("money", pa.struct([("amount", pa.decimal128(10, 2))]))])
    with pytest.raises(UsageError, match=r"money\.amount has the type decimal128"):
        list(arrow_batches(None, schema))


def test_the_columns_of_an_order_are_the_same_for_spark() -> None:
    """Money is 64-bit, times are timestamps, names and order are those of the table."""
    schema = order_schema()

    assert schema.fieldNames() == ORDER_SCHEMA.names
    assert schema["total_cents"].dataType.simpleString() == "bigint"
    assert schema["delivery"].dataType["expected_time"].dataType.simpleString() == "timestamp"
