"""The daily KPIs of some orders, computed by Spark in plain SQL: another way than the one the rollups are made in.

Money is summed per order before any line is unfolded, so that an order of three lines is one order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from bson.timestamp import Timestamp
from pyspark.sql import DataFrame, SparkSession

from ecom_platform.archive.rows import open_archive
from ecom_platform.contract import Status
from ecom_platform.history.reader import Selection, cold_batches, hot_batches
from ecom_platform.history.snapshot import read_snapshot
from ecom_platform.orchestration.daily_figures import SUBJECTS, Figures
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.order_schema import ORDER_SCHEMA
from ecom_platform.store.spark_session import start_session

__all__ = ["compute_figures", "kpi_session", "orders_of_day"]

_VALID: Final = f"status <> '{Status.CANCELLED.value}'"
_ORDERS: Final = f"""
SELECT payment_type, warehouse_id, courier_id, user_city,
       GROUPING_ID(payment_type, warehouse_id, courier_id, user_city) AS kind,
       COUNT(*) AS orders,
       COUNT_IF({_VALID}) AS valid_orders,
       SUM(total_cents) AS booked_cents,
       SUM(IF({_VALID}, total_cents, 0)) AS revenue_cents,
       SUM(IF(status = '{Status.RETURNED.value}', total_cents, 0)) AS returned_cents,
       SUM(IF({_VALID}, 0, total_cents)) AS cancelled_cents,
       SUM(IF({_VALID}, subtotal_cents, 0)) AS subtotal_cents,
       SUM(IF({_VALID}, discount_cents, 0)) AS discount_cents,
       SUM(IF({_VALID}, quantity, 0)) AS units,
       {", ".join(f"COUNT_IF(status = '{status.value}') AS {status.value}" for status in Status)}
FROM {{orders}}
GROUP BY GROUPING SETS ((), (payment_type), (warehouse_id), (courier_id), (user_city))
"""  # noqa: S608 - of constants
_LINES: Final = f"""
SELECT category, product_id, GROUPING_ID(category, product_id) AS kind,
       COUNT(DISTINCT order_id) AS orders,
       COUNT(DISTINCT IF({_VALID}, order_id, NULL)) AS valid_orders,
       SUM(IF({_VALID}, line.quantity, 0)) AS units,
       SUM(IF({_VALID}, line.quantity * line.price_cents, 0)) AS gross_cents,
       SUM(IF({_VALID}, line.net_cents, 0)) AS net_cents
FROM (SELECT order_id, status, line, line.category, line.product_id
      FROM (SELECT order_id, status, EXPLODE(order_items) AS line FROM {{orders}}))
GROUP BY GROUPING SETS ((category), (product_id))
"""  # noqa: S608 - of constants

_Kinds = dict[int, tuple[str, str | None]]
# GROUPING_ID has a bit set for every column that is summed over; the first column has the highest.
_ORDER_KINDS: Final[_Kinds] = {
    0b1111: ("day", None),
    0b0111: ("payment", "payment_type"),
    0b1011: ("warehouse", "warehouse_id"),
    0b1101: ("courier", "courier_id"),
    0b1110: ("city", "user_city"),
}
_LINE_KINDS: Final[_Kinds] = {0b01: ("category", "category"), 0b10: ("product", "product_id")}

_COLUMNS: Final = pa.schema(
    [
        ORDER_SCHEMA.field(name)
        for name in (
            *("order_id", "order_time", "payment_type", "warehouse_id", "user_city", "total_cents", "subtotal_cents"),
            *("discount_cents", "quantity", "order_items", "delivery"),
        )
    ]
)


@contextmanager
def kpi_session(settings: Settings) -> Iterator[SparkSession]:
    """A session for one run; its JVM ends with it."""
    session = start_session(settings, "ecom kpi daily", master=settings.spark_batch_master)
    try:
        yield session
    finally:
        session.stop()


def orders_of_day(
    settings: Settings, db: MongoDatabase, spark: SparkSession, day: str, instant: Timestamp
) -> tuple[DataFrame, int, int]:
    """All orders placed on a day, hot and cold, at one cluster time; how many of them are hot, and cold.

    Raises UnavailableError; InstantExpired when the server no longer keeps the instant.
    """
    snapshot = read_snapshot(db, settings, instant)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    selection = Selection(start, start + timedelta(days=1))
    hot = list(hot_batches(db, snapshot, _COLUMNS, selection))
    cold = list(cold_batches(open_archive(settings), snapshot, _COLUMNS, selection)) if snapshot.cold else []
    table = pa.Table.from_batches([*hot, *cold], schema=_COLUMNS)
    return spark.createDataFrame(table), _rows(hot), _rows(cold)


def compute_figures(orders: DataFrame) -> Figures:
    """The KPIs of orders that were placed on one day, in the columns of ORDER_SCHEMA; read once."""
    flat = orders.selectExpr(
        *("order_id", "payment_type", "warehouse_id", "user_city", "total_cents", "subtotal_cents"),
        *("discount_cents", "quantity", "order_items", "delivery.status", "delivery.courier_id"),
    ).persist()
    try:
        spark = orders.sparkSession
        figures: dict[tuple[str, str], dict[str, int]] = {}
        for query, kinds in ((_ORDERS, _ORDER_KINDS), (_LINES, _LINE_KINDS)):
            for row in spark.sql(query, orders=flat).collect():
                _take(figures, row.asDict(), kinds)
        return figures
    finally:
        flat.unpersist()


def _take(figures: dict[tuple[str, str], dict[str, int]], row: dict[str, Any], kinds: _Kinds) -> None:
    subject, column = kinds[row["kind"]]
    if subject == "day" and not row["orders"]:
        return  # the sum over nothing
    wanted = SUBJECTS[subject]
    figures[subject, "" if column is None else str(row[column])] = {amount: int(row[amount]) for amount in wanted}


def _rows(batches: list[pa.RecordBatch]) -> int:
    return sum(batch.num_rows for batch in batches)
