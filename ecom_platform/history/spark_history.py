"""Hot and cold orders as one Spark data frame, at one cluster time.

    at = read_cluster_time(db)
    orders = read_history(session, settings, read_snapshot(db, settings, at))
    orders.createOrReplaceTempView("orders")

Every order is one row of `ORDER_SCHEMA`, exactly once. Hot rows are read by the data source "mongo", cold ones are the
files of the snapshot's manifests; rows of those that count elsewhere are left out by a join on run and id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np
import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - everybody's name for it
from pyspark.sql.types import StructType

from ecom_platform.archive.layout import ROOT, file_day
from ecom_platform.errors import ConfigurationError
from ecom_platform.history.reader import Selection
from ecom_platform.history.snapshot import HistorySnapshot
from ecom_platform.settings import Settings
from ecom_platform.store.cluster_time import InstantExpired
from ecom_platform.store.manifests import Manifest, RunState
from ecom_platform.tabular.spark_mongo import order_schema, read_orders

_FILE: Final = "_file"


def read_history(
    session: SparkSession, settings: Settings, snapshot: HistorySnapshot, selection: Selection | None = None
) -> DataFrame:
    """All orders of an instant, hot and cold, in the columns of ORDER_SCHEMA.

    Nothing is read before an action; it must end within the five minutes that MongoDB keeps the instant, see
    `instant_kept`.

    Args:
        session: any session; the format "mongo" is registered with it.
        settings: name MongoDB and HDFS.
        snapshot: from `read_snapshot`.
        selection: orders placed (and promised) in a range; None: all.

    Raises:
        ConfigurationError: orders are archived, and no HDFS is known.
    """
    hot = read_orders(session, settings, selection.query() if selection else None, at=snapshot.at)
    schema = order_schema()
    clean = [manifest for manifest in snapshot.cold if not snapshot.excluded(manifest)]
    touched = [manifest for manifest in snapshot.cold if snapshot.excluded(manifest)]
    parts = [hot]
    for manifests in (clean, touched):
        paths = _paths(settings, manifests, selection)
        if paths:
            cold = _read_files(session, settings, paths, schema)
            cold = _without_excluded(session, cold, snapshot, manifests) if manifests is touched else cold
            parts.append(_selected(cold, selection).select(*schema.fieldNames()))
    orders = parts[0]
    for part in parts[1:]:
        orders = orders.unionAll(part)
    return orders


def create_views(orders: DataFrame) -> None:
    """Make the temporary views `orders`, `order_items` (one row per line) and `deliveries` (one row per order)."""
    orders.createOrReplaceTempView("orders")
    head = ("order_id", "order_time", "order_date", "warehouse_id")
    orders.select(*head, F.explode("order_items").alias("line")).select(*head, "line.*").createOrReplaceTempView(
        "order_items"
    )
    orders.select(*head, "delivery.*").createOrReplaceTempView("deliveries")


@contextmanager
def instant_kept() -> Iterator[None]:
    """Tell an instant that MongoDB dropped during an action from other failures of Spark. Raises InstantExpired."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if InstantExpired.__name__ not in str(error):
            raise
        raise InstantExpired(
            "MongoDB no longer keeps the instant that Spark was reading (it keeps five minutes). Nothing was changed; "
            "begin again, with fewer days if it takes that long."
        ) from error


def _paths(settings: Settings, manifests: Sequence[Manifest], selection: Selection | None) -> list[str]:
    if manifests and not settings.hdfs_uri:
        raise ConfigurationError("Orders are archived, and no HDFS is known. Run `ecom up`, or set ECOM_HDFS_URI.")
    return [
        f"{settings.hdfs_uri.rstrip('/')}{ROOT}/{file.path}"
        for manifest in manifests
        for file in manifest.files
        if selection is None or selection.takes(file_day(file.path), manifest.times.get(RunState.COMMITTED))
    ]


def _read_files(session: SparkSession, settings: Settings, paths: list[str], schema: StructType) -> DataFrame:
    # The day is a folder's name; told so by the base path, Spark adds the column.
    reader = session.read.schema(schema).option("basePath", f"{settings.hdfs_uri.rstrip('/')}{ROOT}")
    files: DataFrame = reader.parquet(*paths)
    return files.withColumn(_FILE, F.col("_metadata.file_name"))


def _selected(orders: DataFrame, selection: Selection | None) -> DataFrame:
    if selection is None:
        return orders
    start, end = F.lit(selection.start), F.lit(selection.end)
    chosen = (F.col("order_time") >= start) & (F.col("order_time") < end)
    if selection.promised:
        expected = F.col("delivery.expected_time")
        chosen = chosen | ((expected >= start) & (expected < end))
    if selection.stepped:
        chosen = chosen | F.exists("delivery.history", lambda step: (step["at"] >= start) & (step["at"] < end))
    if selection.warehouses:
        chosen = chosen & F.col("warehouse_id").isin(*selection.warehouses)
    return orders.where(chosen)


def _without_excluded(
    session: SparkSession, orders: DataFrame, snapshot: HistorySnapshot, manifests: Sequence[Manifest]
) -> DataFrame:
    """An order that one run's files hold in vain may count in another's, so files are told apart."""
    files = [(file.path.rpartition("/")[2], number) for number, run in enumerate(manifests) for file in run.files]
    run_of_file = session.createDataFrame(
        pa.table({_FILE: [name for name, _ in files], "_run": pa.array([number for _, number in files], pa.int32())})
    ).distinct()
    ids = [np.fromiter(snapshot.excluded(manifest), np.int64) for manifest in manifests]
    runs = [np.full(len(some), number, np.int32) for number, some in enumerate(ids)]
    excluded = session.createDataFrame(pa.table({"_run": np.concatenate(runs), "order_id": np.concatenate(ids)}))
    return orders.join(F.broadcast(run_of_file), _FILE).join(excluded, ["_run", "order_id"], "left_anti")
