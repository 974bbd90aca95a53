"""The daily KPIs of some orders, computed by Spark in plain SQL: another way than the one the rollups are made in.

Money is summed per order before any line is unfolded, so that an order of three lines is one order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from bson.timestamp import Timestamp
from pyspark.sql import DataFrame, SparkSession

from ecom_platform.contract import Status
from ecom_platform.history.daily_figures import SUBJECTS, Figures, start_of
from ecom_platform.history.reader import Selection
from ecom_platform.history.snapshot import read_snapshot
from ecom_platform.history.spark_history import instant_kept, read_history
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.spark_session import start_session

__all__ = ["compute_figures", "kpi_session", "orders_of"]

_VALID: Final = f"status <> '{Status.CANCELLED.value}'"
_ORDERS: Final = f"""
SELECT order_date, payment_type, warehouse_id, courier_id, user_city,
       GROUPING(payment_type) * 8 + GROUPING(warehouse_id) * 4 + GROUPING(courier_id) * 2 + GROUPING(user_city) AS kind,
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
GROUP BY order_date, GROUPING SETS ((), (payment_type), (warehouse_id), (courier_id), (user_city))
"""  # noqa: S608 - of constants
_LINES: Final = f"""
SELECT order_date, category, product_id, GROUPING(category) * 2 + GROUPING(product_id) AS kind,
       COUNT(DISTINCT order_id) AS orders,
       COUNT(DISTINCT IF({_VALID}, order_id, NULL)) AS valid_orders,
       SUM(IF({_VALID}, line.quantity, 0)) AS units,
       SUM(IF({_VALID}, line.quantity * line.price_cents, 0)) AS gross_cents,
       SUM(IF({_VALID}, line.net_cents, 0)) AS net_cents
FROM (SELECT order_date, order_id, status, line, line.category, line.product_id
      FROM (SELECT order_date, order_id, status, EXPLODE(order_items) AS line FROM {{orders}}))
GROUP BY order_date, GROUPING SETS ((category), (product_id))
"""  # noqa: S608 - of constants

_Kinds = dict[int, tuple[str, str | None]]
# A bit is set for every column that is summed over; the first column has the highest.
_ORDER_KINDS: Final[_Kinds] = {
    0b1111: ("day", None),
    0b0111: ("payment", "payment_type"),
    0b1011: ("warehouse", "warehouse_id"),
    0b1101: ("courier", "courier_id"),
    0b1110: ("city", "user_city"),
}
_LINE_KINDS: Final[_Kinds] = {0b01: ("category", "category"), 0b10: ("product", "product_id")}


@contextmanager
def kpi_session(settings: Settings) -> Iterator[SparkSession]:
    """A session for one run; its JVM ends with it."""
    session = start_session(settings, "ecom kpi daily", master=settings.spark_batch_master)
    try:
        yield session
    finally:
        session.stop()


def orders_of(
    settings: Settings, db: MongoDatabase, spark: SparkSession, first: str, last: str, instant: Timestamp
) -> DataFrame:
    """All orders placed from the first to the last UTC day, hot and cold, at one cluster time; nothing is read yet.

    Raises UnavailableError; InstantExpired when the server no longer keeps the instant.
    """
    selection = Selection(start_of(first), start_of(last) + timedelta(days=1))
    return read_history(spark, settings, read_snapshot(db, settings, instant), selection)


def compute_figures(orders: DataFrame) -> dict[str, Figures]:
    """The KPIs by UTC day of orders in the columns of ORDER_SCHEMA, which are read once.

    Raises InstantExpired when the server no longer keeps their instant.
    """
    flat = orders.selectExpr(
        *("order_id", "order_date", "payment_type", "warehouse_id", "user_city", "total_cents", "subtotal_cents"),
        *("discount_cents", "quantity", "order_items", "delivery.status", "delivery.courier_id"),
    ).persist()
    try:
        spark = orders.sparkSession
        figures: dict[str, dict[tuple[str, str], dict[str, int]]] = defaultdict(dict)
        with instant_kept():
            for query, kinds in ((_ORDERS, _ORDER_KINDS), (_LINES, _LINE_KINDS)):
                for row in spark.sql(query, orders=flat).collect():
                    _take(figures[row["order_date"]], row.asDict(), kinds)
        return dict(figures)
    finally:
        flat.unpersist()


def _take(figures: dict[tuple[str, str], dict[str, int]], row: dict[str, Any], kinds: _Kinds) -> None:
    subject, column = kinds[row["kind"]]
    wanted = SUBJECTS[subject]
    figures[subject, "" if column is None else str(row[column])] = {amount: int(row[amount]) for amount in wanted}
