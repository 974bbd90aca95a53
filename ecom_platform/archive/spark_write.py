"""The heavy part of an archive run, on Spark: orders out of MongoDB into Parquet, and the same files read back.

Count and checksum are observed on the very rows that are written, in the same pass: whatever changes in MongoDB
meanwhile, they describe the files. The checksum does not depend on the order of the rows.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - everybody's name for it
from pyspark.sql.pandas.types import from_arrow_schema

from ecom_platform.archive.plan import PlannedDay
from ecom_platform.archive.policy import Policy, day_range
from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.client import Document, mongo_errors
from ecom_platform.store.order_schema import ORDER_SCHEMA
from ecom_platform.store.spark_session import start_session

__all__ = ["Totals", "archive_session", "order_totals", "read_orders", "slices", "write_orders"]

ROWS_PER_SLICE: Final = 100_000
_PASSING: Final = ("pymongo.errors", "java.io.", "java.net.", "org.apache.hadoop.", "UnavailableError")


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows and their checksum, whatever their order."""

    rows: int
    checksum: str


@contextmanager
def archive_session(settings: Settings) -> Iterator[SparkSession]:
    """A session for one run of the archive; what its JVM says goes to `logs/archive.log`."""
    with _stderr_to(settings.logs / "archive.log"):
        session = start_session(settings, "ecom archive", master=settings.spark_batch_master, options=_OPTIONS)
    try:
        yield session
    finally:
        session.stop()


_OPTIONS: Final = {
    # A server that is gone is found out soon, not after Hadoop's 45 attempts.
    "spark.hadoop.ipc.client.connect.max.retries": "3",
    "spark.hadoop.ipc.client.connect.max.retries.on.timeouts": "2",
}


def slices(days: Sequence[PlannedDay]) -> list[tuple[datetime, datetime]]:
    """Spans of order_time, one per Spark task: a day, or equal parts of a large one, so that a day has few files."""
    spans = []
    for planned in days:
        start, end = day_range(planned.day)
        parts = -(-planned.orders // ROWS_PER_SLICE)
        edges = [start + timedelta(milliseconds=86_400_000 * n // parts) for n in range(parts)]
        spans += list(zip(edges, [*edges[1:], end], strict=True))
    return spans


def read_orders(
    spark: SparkSession, settings: Settings, policy: Policy, spans: Sequence[tuple[datetime, datetime]]
) -> DataFrame:
    """The orders that a run takes, as MongoDB has them when the tasks come to them; one task per span."""
    filters = [_within(policy.filter(), span) for span in spans]

    def read(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from _read_span(settings, filters[number])

    tasks = spark.range(0, len(filters), 1, len(filters))
    return tasks.mapInArrow(read, from_arrow_schema(ORDER_SCHEMA))


def write_orders(orders: DataFrame, folder: str) -> Totals:
    """Write Snappy Parquet by day into a folder that does not exist, and say what was written.

    Raises:
        UnavailableError: MongoDB or HDFS failed; what was written so far is not used.
    """
    seen = Observation("archived")
    count, checksum = _aggregates()
    with spark_errors("writing the orders to HDFS"):
        # The default is a type of Hive's that other readers have given up.
        orders.sparkSession.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        writer = orders.observe(seen, count, *checksum).write.partitionBy("order_date")
        writer.parquet(folder, mode="errorifexists", compression="snappy")
        return _totals(seen.get)


def order_totals(spark: SparkSession, paths: Collection[str], folder: str) -> Totals:
    """Read files back from HDFS: rows and checksum as `write_orders` saw them.

    Args:
        paths: full paths of the files.
        folder: above the `order_date=…` folders.

    Raises:
        UnavailableError: a file cannot be read.
    """
    with spark_errors("reading the archived files back", ()):
        reader = spark.read.schema(from_arrow_schema(ORDER_SCHEMA)).option("basePath", folder)
        count, checksum = _aggregates()
        return _totals(reader.parquet(*paths).agg(count, *checksum).collect()[0].asDict())


@contextmanager
def spark_errors(doing: str, passing: Collection[str] = _PASSING) -> Iterator[None]:
    """Turn a failed job into an UnavailableError.

    Args:
        doing: as it should read after "Spark failed while".
        passing: one of these in the text says that a server was the reason; anything else is a bug and passes
            through. None: whatever the reason is, running again writes the files anew.
    """
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        text = str(error)
        if passing and not any(sign in text for sign in passing):
            raise
        raise UnavailableError(
            f"Spark failed while {doing}: {_root_cause(text)}. Nothing in MongoDB was changed by this step. Run "
            "`ecom status` to see what is up, then `ecom archive` again."
        ) from error


def _aggregates() -> tuple[Any, tuple[Any, Any]]:
    row = F.xxhash64(*[F.col(name) for name in ORDER_SCHEMA.names])
    total = F.sum(row.cast("decimal(20,0)")).alias("total")
    return F.count(F.lit(1)).alias("rows"), (total, F.bit_xor(row).alias("xor"))


def _totals(row: dict[str, Any]) -> Totals:
    return Totals(int(row["rows"]), f"{row['total'] or 0}:{row['xor'] or 0}")


def _within(condition: Document, span: tuple[datetime, datetime]) -> Document:
    start, end = span
    until = min(end, condition["order_time"]["$lt"])
    return {**condition, "order_time": {"$gte": start, "$lt": until}}


def _read_span(settings: Settings, condition: Document) -> Iterator[Any]:
    """On a worker: the orders of one span, in the columns of the archive."""
    from pymongo.read_concern import ReadConcern

    from ecom_platform.store.arrow_documents import arrow_batches
    from ecom_platform.store.client import database
    from ecom_platform.store.collections import ORDERS

    db = database(settings)
    with db.client, mongo_errors("reading the orders to be archived"):
        # What only the primary has may be rolled back; the archive must not have read it.
        orders = db.get_collection(ORDERS, read_concern=ReadConcern("majority"))
        yield from arrow_batches(orders, ORDER_SCHEMA, condition, id_column="order_id")


@contextmanager
def _stderr_to(log: Path) -> Iterator[None]:
    """Let programs that are started in the block write their errors to a file instead of the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _root_cause(text: str) -> str:
    causes = [line for line in text.splitlines() if line.strip().startswith(("Caused by:", "pymongo.errors"))]
    lines = causes or text.splitlines()
    return lines[-1].strip().removeprefix("Caused by: ")[:300]
