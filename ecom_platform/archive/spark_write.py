"""The heavy part of an archive run, on Spark: orders out of MongoDB into Parquet.

A task reads from MongoDB and writes to HDFS by itself, and returns only what it wrote: no order passes through the JVM,
which would take them apart into rows and cost more than reading and writing together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, cast

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pymongo.read_concern import ReadConcern
from pyspark import TaskContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from ecom_platform.archive.hdfs import arrow_file_system, hdfs_errors
from ecom_platform.archive.layout import published_path, staging_folder
from ecom_platform.archive.parquet_file import Totals, Written, write_orders_file
from ecom_platform.archive.plan import PlannedDay
from ecom_platform.archive.policy import Policy, day_range
from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.client import Document, database, mongo_errors
from ecom_platform.store.collections import ORDERS
from ecom_platform.store.manifests import ArchivedFile, Manifest
from ecom_platform.tabular.arrow_documents import arrow_batches
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform.tabular.spark_session import start_session

Span = tuple[datetime, datetime]
"""Orders with first <= `order_time` < second; both in one UTC day, or the second at its end."""

ROWS_PER_SLICE: Final = 100_000
_EXPECTED: Final = re.compile(r"^ecom_platform\.\S+\.UnavailableError: (.+)$", re.MULTILINE)


@contextmanager
def archive_session(settings: Settings) -> Iterator[SparkSession]:
    """A session for one run of the archive; what its JVM says goes to `logs/archive.log`."""
    with _stderr_to(settings.logs / "archive.log"):
        session = start_session(settings, "ecom archive", master=settings.spark_batch_master)
    try:
        yield session
    finally:
        session.stop()


def slices(days: Sequence[PlannedDay]) -> list[Span]:
    """Spans of order_time, one per Spark task: a day, or equal parts of a large one, so that a day has few files."""
    spans: list[Span] = []
    for planned in days:
        start, end = day_range(planned.day)
        parts = -(-planned.orders // ROWS_PER_SLICE)
        edges = [start + timedelta(milliseconds=86_400_000 * n // parts) for n in range(parts)]
        spans += list(zip(edges, [*edges[1:], end], strict=True))
    return spans


def write_orders(
    spark: SparkSession, settings: Settings, manifest: Manifest, spans: Sequence[Span]
) -> tuple[list[ArchivedFile], Totals]:
    """Write the orders that a run takes into its staging folder, as MongoDB has them when the tasks come to them.

    Returns:
        The files, one per span with any orders, and what is in all of them. Each attempt at a span writes under a name
        of its own; what an attempt that failed left is none of these.

    Raises:
        UnavailableError: MongoDB or HDFS failed; what was written so far is not used.
    """
    with _task_errors():
        tasks = spark.sparkContext.parallelize(spans, len(spans)).map(partial(_write_span, settings, manifest))
        written = [task for task in tasks.collect() if task is not None]
    folder = staging_folder(manifest.run, manifest.token)
    files = [
        ArchivedFile(file.path.removeprefix(f"{folder}/"), file.bytes, file.totals.rows, file.sha256)
        for file in written
    ]
    return files, sum((file.totals for file in written), Totals())


def _within(condition: Document, span: Span) -> Document:
    start, end = span
    until = min(end, condition["order_time"]["$lt"])
    return {**condition, "order_time": {"$gte": start, "$lt": until}}


def _write_span(settings: Settings, manifest: Manifest, span: Span) -> Written | None:
    """On a worker: one span, out of MongoDB into a file."""
    attempt = cast(TaskContext, TaskContext.get()).taskAttemptId()
    path = published_path(manifest.run, manifest.token, f"{span[0]:%Y-%m-%d}", attempt)
    orders = _read_span(settings, _within(Policy.from_document(manifest.policy).filter(), span))
    with hdfs_errors(f"writing the orders of {span[0]:%Y-%m-%d}"):
        return write_orders_file(
            arrow_file_system(settings), f"{staging_folder(manifest.run, manifest.token)}/{path}", orders
        )


def _read_span(settings: Settings, condition: Document) -> Iterator[pa.RecordBatch]:
    db = database(settings)
    with db.client, mongo_errors("reading the orders to be archived"):
        # What only the primary has may be rolled back; the archive must not have read it.
        orders = db.get_collection(ORDERS, read_concern=ReadConcern("majority"))
        yield from arrow_batches(orders, ORDER_SCHEMA, condition, id_column="order_id")


@contextmanager
def _task_errors() -> Iterator[None]:
    """Raise here what a task raised because of a server or a file. Anything else is a bug, and passes through."""
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        if (said := _EXPECTED.search(str(error))) is None:
            raise
        raise UnavailableError(said[1]) from error


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
