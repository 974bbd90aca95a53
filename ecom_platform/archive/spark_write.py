"""The heavy part of an archive run, on Spark: orders out of MongoDB into Parquet.

A task reads from MongoDB and writes to HDFS by itself, and returns only what it wrote: no order passes through the JVM,
which would take them apart into rows and cost more than reading and writing together. It takes as many days as make up
its share of the orders, because its login and its clients cost more than a day of few orders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from operator import attrgetter
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
from ecom_platform.archive.policy import Policy
from ecom_platform.contract.times import day_range
from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.client import Document, MongoCollection, database, mongo_errors
from ecom_platform.store.collections import ORDERS
from ecom_platform.store.manifests import ArchivedFile, Manifest
from ecom_platform.store.transactions import in_batches
from ecom_platform.tabular.arrow_documents import arrow_batches
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform.tabular.spark_session import session_options, start_session

ROWS_PER_FILE: Final = 100_000
LEAST_ROWS_PER_TASK: Final = 1_000
TASKS_PER_CORE: Final = 4
WRITERS_PER_TASK: Final = 8
"""Closing a file of HDFS takes a third of a second, of which the processor does nothing."""

_EXPECTED: Final = re.compile(r"^ecom_platform\.\S+\.UnavailableError: (.+)$", re.MULTILINE)


@contextmanager
def archive_session(settings: Settings) -> Iterator[SparkSession]:
    """A session for one run of the archive; what its JVM says goes to `logs/archive.log`."""
    with _stderr_to(settings.logs / "archive.log"):
        options = session_options(settings, "ecom archive", master=settings.spark_batch_master)
        session = start_session(settings, options)
    try:
        yield session
    finally:
        session.stop()


@dataclass(frozen=True, slots=True)
class Slice:
    """The orders of one file: start <= `order_time` < end, in one UTC day, about `orders` of them."""

    number: int
    start: datetime
    end: datetime
    orders: int


def slices(days: Sequence[PlannedDay]) -> list[Slice]:
    """A slice per day, or equal parts of a large one, so that a day has few files."""
    found: list[Slice] = []
    for planned in days:
        start, end = day_range(planned.day)
        parts = -(-planned.orders // ROWS_PER_FILE)
        edges = [*(start + timedelta(milliseconds=86_400_000 * n // parts) for n in range(parts)), end]
        for edge in pairwise(edges):
            found.append(Slice(len(found), *edge, planned.orders // parts))
    return found


def shares(found: Sequence[Slice], cores: int) -> list[list[Slice]]:
    """Slices as Spark tasks take them: some tasks per core, unless that makes them very small or large."""
    orders = sum(each.orders for each in found)
    share = max(LEAST_ROWS_PER_TASK, min(ROWS_PER_FILE, orders // (cores * TASKS_PER_CORE)))
    return list(in_batches(found, attrgetter("orders"), max(1, len(found)), share))


def write_orders(
    spark: SparkSession, settings: Settings, manifest: Manifest, found: Sequence[Slice]
) -> tuple[list[ArchivedFile], Totals]:
    """Write the orders that a run takes into its staging folder, as MongoDB has them when the tasks come to them.

    Returns:
        The files, one per slice with any orders, and what is in all of them. Each attempt at a slice writes under a
        name of its own; what an attempt that failed left is none of these.

    Raises:
        UnavailableError: MongoDB or HDFS failed; what was written so far is not used.
    """
    context = spark.sparkContext
    tasks = shares(found, context.defaultParallelism)
    with _task_errors():
        work = partial(_write_share, settings, manifest, len(found))
        written = context.parallelize(tasks, max(1, len(tasks))).flatMap(work).collect()
    folder = staging_folder(manifest.run, manifest.token)
    files = [
        ArchivedFile(file.path.removeprefix(f"{folder}/"), file.bytes, file.totals.rows, file.sha256)
        for file in written
    ]
    return files, sum((file.totals for file in written), Totals())


def _write_share(settings: Settings, manifest: Manifest, count: int, share: Sequence[Slice]) -> list[Written]:
    """On a worker: some of `count` slices, out of MongoDB into a file each.

    Several are written at once, each holding one batch of orders; those that share a task are small.
    """
    attempt = cast(TaskContext, TaskContext.get()).taskAttemptId()
    files, folder = arrow_file_system(settings), staging_folder(manifest.run, manifest.token)
    db = database(settings)
    # What only the primary has may be rolled back; the archive must not have read it.
    orders = db.get_collection(ORDERS, read_concern=ReadConcern("majority"))

    def write(each: Slice) -> Written | None:
        day = f"{each.start:%Y-%m-%d}"
        path = published_path(manifest.run, manifest.token, day, attempt * count + each.number)
        with hdfs_errors(f"writing the orders of {day}"):
            return write_orders_file(files, f"{folder}/{path}", _read_slice(orders, manifest, each))

    with db.client, ThreadPoolExecutor(WRITERS_PER_TASK, "archive-writer") as pool:
        return [file for file in pool.map(write, share) if file is not None]


def _read_slice(orders: MongoCollection, manifest: Manifest, each: Slice) -> Iterator[pa.RecordBatch]:
    condition: Document = Policy.from_document(manifest.policy).filter()
    until = min(each.end, condition["order_time"]["$lt"])
    condition |= {"order_time": {"$gte": each.start, "$lt": until}}
    with mongo_errors("reading the orders to be archived"):
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
