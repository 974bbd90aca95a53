"""A Spark data source that reads MongoDB: Arrow batches, in parallel by ranges of `_id`, no connector on the JVM.

    register_mongo(session, settings)
    orders = (
        session.read.format("mongo")
        .schema("_id long, total_cents long, delivery struct<status: string, actual_time: timestamp>")
        .option("collection", "orders")
        .load()
        .where("total_cents > 10000")
    )

The schema is the projection: only its fields are transferred (`arrow_documents` says which types there are and what
becomes of missing values). Comparisons of a column with a constant, `IN` and `IS NOT NULL` are evaluated by the
server, and again by Spark.

| option | meaning |
|---|---|
| `collection` | name of a collection or view; needed |
| `database`, `uri` | where it is; what `register_mongo` was given, if absent |
| `filter` | a filter of MongoDB as extended JSON, evaluated by the server only |
| `id_column` | the column that holds `_id`; default `_id` |
| `partitions` | ranges read in parallel; default 4 |
| `at_cluster_time` | `seconds:increment`: read everything as of this instant (`cluster_time.cluster_time_text`); each
  range is read as it is when its turn comes, if absent |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from bson import json_util
from bson.timestamp import Timestamp
from pymongo import MongoClient
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    EqualTo,
    Filter,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    InputPartition,
    IsNotNull,
    LessThan,
    LessThanOrEqual,
)
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StringType, StructType

from ecom_platform.errors import UsageError
from ecom_platform.settings import Settings
from ecom_platform.store.client import CODEC, Document, MongoDatabase, connect, mongo_errors, without_password
from ecom_platform.store.cluster_time import cluster_time_from, cluster_time_text, database_at, instant_errors
from ecom_platform.store.collections import ORDERS
from ecom_platform.tabular.arrow_documents import IdRange, arrow_batches, plan_id_ranges
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

FORMAT: Final = "mongo"
_OPTIONS: Final = frozenset({"at_cluster_time", "collection", "database", "filter", "id_column", "partitions", "uri"})
_PUSHDOWN: Final = "spark.sql.python.filterPushdown.enabled"
_REGISTERED: Final = "ecom.mongo.registered"
_DEFAULT_PARTITIONS: Final = 4


def register_mongo(session: SparkSession, settings: Settings) -> None:
    """Make the format "mongo" known to a session; sources without `uri` and `database` read those of the settings.

    The address travels inside the class, not in an option, so that a password in it never stands in a plan or a log.
    """

    class Configured(MongoDataSource):
        default_settings = settings

    # Spark warns about every format that is registered again.
    mark = f"{settings.role} {without_password(settings.mongodb_uri)} {settings.mongodb_database}"
    if session.conf.get(_REGISTERED, None) != mark:
        session.conf.set(_PUSHDOWN, "true")
        session.dataSource.register(Configured)
        session.conf.set(_REGISTERED, mark)


def order_schema() -> StructType:
    """The columns of `ORDER_SCHEMA` as Spark has them."""
    schema: StructType = from_arrow_schema(ORDER_SCHEMA)
    return schema


def read_orders(
    session: SparkSession,
    settings: Settings,
    query: Mapping[str, Any] | None = None,
    *,
    at: Timestamp | None = None,
    partitions: int = _DEFAULT_PARTITIONS,
    schema: StructType | None = None,
) -> DataFrame:
    """The hot orders that match a filter of MongoDB, one row each.

    Args:
        session: any Spark session; the format is registered with it.
        settings: name the database.
        query: the filter, in the names of MongoDB (`_id`).
        at: the instant to read; None: each partition as it is when it is read.
        partitions: ranges read in parallel.
        schema: columns to read; None: all of `ORDER_SCHEMA`.
    """
    register_mongo(session, settings)
    reader = session.read.format(FORMAT).schema(schema or order_schema())
    reader = reader.options(collection=ORDERS, id_column="order_id", partitions=str(partitions))
    if query:
        reader = reader.option("filter", json_util.dumps(query))
    if at is not None:
        reader = reader.option("at_cluster_time", cluster_time_text(at))
    return reader.load()


class MongoDataSource(DataSource):
    """The format "mongo"; see the module for its options."""

    default_settings = Settings.model_construct()

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return FORMAT

    def schema(self) -> StructType:
        """Documents do not say what they will hold. Raises UsageError."""
        raise UsageError("Name the columns to read from MongoDB with .schema(…): the schema is the projection.")

    def reader(self, schema: StructType) -> MongoReader:
        """Check the options. Raises UsageError."""
        options = dict(self.options)
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            raise UsageError(f"Unknown options of the format mongo: {unknown}. It takes {sorted(_OPTIONS)}.")
        settings = self.default_settings
        if options.get("uri", settings.mongodb_uri) != settings.mongodb_uri:
            settings = settings.model_copy(update={"mongodb_uri": options["uri"], "mongodb_credentials": None})
        database = options.get("database", settings.mongodb_database)
        collection = options.get("collection", "")
        if not (settings.mongodb_uri and database and collection):
            raise UsageError("The format mongo needs a collection, and a uri and database unless they are registered.")
        at = options.get("at_cluster_time")
        return MongoReader(
            _Address(settings, database, collection, cluster_time_from(at) if at else None),
            schema,
            _filter_from(options.get("filter", "{}")),
            options.get("id_column", "_id"),
            _count_from(options.get("partitions", str(_DEFAULT_PARTITIONS))),
        )


@dataclass(frozen=True, slots=True)
class _Address:
    settings: Settings = field(repr=False)
    database: str
    collection: str
    at: Timestamp | None

    def connect(self) -> tuple[MongoClient[Document], MongoDatabase]:
        client = connect(self.settings)
        db = client.get_database(self.database, CODEC)
        return client, db if self.at is None else database_at(db, self.at)


class _IdRangePartition(InputPartition):
    """The documents of one range."""

    def __init__(self, ids: IdRange) -> None:
        super().__init__(ids)


class MongoReader(DataSourceReader):
    """Plans ranges on the driver and reads them in the tasks."""

    def __init__(self, address: _Address, schema: StructType, query: Document, id_column: str, count: int) -> None:
        self._address = address
        self._schema = schema
        self._query = query
        self._id_column = id_column
        self._count = count
        if id_column != "_id" and "_id" in schema.fieldNames():
            raise UsageError(f"The schema names _id beside the id_column {id_column!r}; leave one of them out.")

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802 - Spark's name
        """Let the server evaluate what it can; Spark evaluates all of it again, so that it may select too much."""
        pushed = [condition for one in filters if (condition := self._condition(one)) is not None]
        if pushed:
            self._query = {"$and": [*([self._query] if self._query else []), *pushed]}
        return filters

    def partitions(self) -> list[_IdRangePartition]:
        """Ranges of `_id` that cover everything, about as many matching documents in each."""
        client, db = self._address.connect()
        with client, mongo_errors(f"planning to read {self._address.collection}"):
            ranges = plan_id_ranges(db[self._address.collection], self._query, self._count)
        return [_IdRangePartition(ids) for ids in ranges]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The documents of one range. Raises InstantExpired and what `store.connect` raises."""
        schema = to_arrow_schema(self._schema, timezone="UTC")
        client, db = self._address.connect()
        with client, instant_errors(f"reading {self._address.collection}"):
            yield from arrow_batches(
                db[self._address.collection],
                schema,
                self._query,
                id_column=self._id_column,
                id_range=partition.value,
            )

    def _condition(self, given: Filter) -> Document | None:
        attribute: tuple[str, ...] | None = getattr(given, "attribute", None)
        if attribute is None:
            return None
        path = ".".join(attribute)
        if path == self._id_column:
            if isinstance(self._schema[path].dataType, StringType):
                return None  # object ids are text on this side only
            path = "_id"
        condition = _comparison(given)
        return {path: condition} if condition is not None else None


def _comparison(given: Filter) -> Document | None:
    """What selects at least the documents that the filter selects; None when there is no such thing."""
    if isinstance(given, IsNotNull):
        return {"$ne": None}
    if isinstance(given, In):
        return {"$in": list(given.value)} if all(_is_comparable(value) for value in given.value) else None
    value = getattr(given, "value", None)
    if not _is_comparable(value):
        return None
    # MongoDB keeps milliseconds: `<` a time between two of them is `<=` the earlier.
    less_than = "$lte" if isinstance(value, datetime) else "$lt"
    operators: dict[type[Filter], str] = {
        EqualTo: "$eq",
        GreaterThan: "$gt",
        GreaterThanOrEqual: "$gte",
        LessThan: less_than,
        LessThanOrEqual: "$lte",
    }
    operator = operators.get(type(given))
    return {operator: value} if operator else None


def _is_comparable(value: Any) -> bool:
    if isinstance(value, datetime):
        return value.tzinfo is not None
    return isinstance(value, (int, str))


def _filter_from(text: str) -> Document:
    try:
        query = json_util.loads(text, json_options=json_util.JSONOptions(tz_aware=True))
    except (ValueError, TypeError) as error:
        raise UsageError(f"The option filter is not extended JSON ({error}): {text!r}.") from error
    if not isinstance(query, dict):
        raise UsageError(f"The option filter must be a document, got {text!r}.")
    return query


def _count_from(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise UsageError(f"The option partitions must be a number from 1 to 9999, got {text!r}.")
    return int(text)
