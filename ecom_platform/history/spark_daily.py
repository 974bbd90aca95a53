"""The daily KPIs of some orders, computed by Spark in plain SQL: another way than the one the rollups are made in.

Money is summed per order before any line is unfolded, so that an order of three lines is one order.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, Final

from bson.timestamp import Timestamp
from pyspark.sql import DataFrame, SparkSession

from ecom_platform.contract import Status
from ecom_platform.contract.times import day_range, start_of
from ecom_platform.history.daily_figures import SUBJECTS, Figures, step_amount
from ecom_platform.history.reader import Selection
from ecom_platform.history.snapshot import read_snapshot
from ecom_platform.history.spark_history import instant_kept, read_history
from ecom_platform.kpi.sql import RETURNED, VALID, delay_bin, on_time
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.tabular.spark_session import session_options

_ORDERS: Final = f"""
SELECT order_date AS day, payment_type, warehouse_id, courier_id, user_city,
       GROUPING(payment_type) * 8 + GROUPING(warehouse_id) * 4 + GROUPING(courier_id) * 2 + GROUPING(user_city) AS kind,
       COUNT(*) AS orders,
       COUNT_IF({VALID}) AS valid_orders,
       SUM(total_cents) AS booked_cents,
       SUM(IF({VALID}, total_cents, 0)) AS revenue_cents,
       SUM(IF({RETURNED}, total_cents, 0)) AS returned_cents,
       SUM(IF({VALID}, 0, total_cents)) AS cancelled_cents,
       SUM(IF({VALID}, subtotal_cents, 0)) AS subtotal_cents,
       SUM(IF({VALID}, discount_cents, 0)) AS discount_cents,
       SUM(IF({VALID}, quantity, 0)) AS units,
       {", ".join(f"COUNT_IF(status = '{status.value}') AS {status.value}" for status in Status)}
FROM {{placed}}
GROUP BY order_date, GROUPING SETS ((), (payment_type), (warehouse_id), (courier_id), (user_city))
"""  # noqa: S608 - of constants
_LINES: Final = f"""
SELECT order_date AS day, category, product_id, GROUPING(category) * 2 + GROUPING(product_id) AS kind,
       COUNT(DISTINCT order_id) AS orders,
       COUNT(DISTINCT IF({VALID}, order_id, NULL)) AS valid_orders,
       SUM(IF({VALID}, line.quantity, 0)) AS units,
       SUM(IF({VALID}, line.quantity * line.price_cents, 0)) AS gross_cents,
       SUM(IF({VALID}, line.net_cents, 0)) AS net_cents
FROM (SELECT order_date, order_id, status, line, line.category, line.product_id
      FROM (SELECT order_date, order_id, status, EXPLODE(order_items) AS line FROM {{placed}}))
GROUP BY order_date, GROUPING SETS ((category), (product_id))
"""  # noqa: S608 - of constants

_DELAYED: Final = f"""
SELECT DATE_FORMAT(expected_time, 'yyyy-MM-dd') AS day, payment_type, warehouse_id, courier_id,
       UNIX_MICROS(actual_time) - UNIX_MICROS(expected_time) AS delay_us
FROM {{orders}}
WHERE {VALID} AND expected_time >= :start AND expected_time < LEAST(:end, :as_of)
"""  # noqa: S608 - of constants
_PROMISES: Final = f"""
SELECT day, payment_type, warehouse_id, courier_id,
       GROUPING(payment_type) * 4 + GROUPING(warehouse_id) * 2 + GROUPING(courier_id) AS kind,
       COUNT(*) AS due,
       COUNT_IF({on_time("delay_us")}) AS on_time,
       COUNT_IF(NOT {on_time("delay_us")}) AS late,
       COUNT(delay_us) AS delivered,
       COALESCE(SUM(CAST(BROUND(delay_us / 1e6D) AS BIGINT)), 0) AS delay_seconds
FROM ({_DELAYED})
GROUP BY day, GROUPING SETS ((), (payment_type), (warehouse_id), (courier_id))
"""  # noqa: S608 - of constants
_DELAYS: Final = f"""
SELECT day, {delay_bin("delay_us")} AS bin, 0 AS kind, COUNT(*) AS delivered
FROM ({_DELAYED})
WHERE delay_us IS NOT NULL
GROUP BY ALL
"""  # noqa: S608 - of constants
_STEPS: Final = f"""
SELECT day, payment_type, warehouse_id, courier_id,
       GROUPING(payment_type) * 4 + GROUPING(warehouse_id) * 2 + GROUPING(courier_id) AS kind,
       {", ".join(f"COUNT_IF(step.status = '{status.value}') AS {step_amount(status.value)}" for status in Status)}
FROM (SELECT *, DATE_FORMAT(step.at, 'yyyy-MM-dd') AS day
      FROM (SELECT payment_type, warehouse_id, courier_id, EXPLODE(history) AS step FROM {{orders}}))
WHERE step.at >= :start AND step.at < :end
GROUP BY day, GROUPING SETS ((), (payment_type), (warehouse_id), (courier_id))
"""  # noqa: S608 - of constants

_Kinds = dict[int, tuple[str, str | None]]
# A bit is set for every column that is summed over; the first column has the highest.
_DELIVERY_KINDS: Final[_Kinds] = {
    0b111: ("day", None),
    0b011: ("payment", "payment_type"),
    0b101: ("warehouse", "warehouse_id"),
    0b110: ("courier", "courier_id"),
}
_QUERIES: Final[tuple[tuple[str, _Kinds], ...]] = (
    (
        _ORDERS,
        {
            0b1111: ("day", None),
            0b0111: ("payment", "payment_type"),
            0b1011: ("warehouse", "warehouse_id"),
            0b1101: ("courier", "courier_id"),
            0b1110: ("city", "user_city"),
        },
    ),
    (_LINES, {0b01: ("category", "category"), 0b10: ("product", "product_id")}),
    (_PROMISES, _DELIVERY_KINDS),
    (_DELAYS, {0: ("delay", "bin")}),
    (_STEPS, _DELIVERY_KINDS),
)


def kpi_options(settings: Settings) -> dict[str, str]:
    """The options of a session for the KPIs of some days."""
    return session_options(settings, "ecom kpi daily", master=settings.spark_batch_master)


def orders_of(
    settings: Settings, db: MongoDatabase, spark: SparkSession, first: str, last: str, instant: Timestamp
) -> DataFrame:
    """All orders placed, promised or changed from the first to the last UTC day, hot and cold, at one cluster time.

    Nothing is read yet. Raises UnavailableError; InstantExpired when the server no longer keeps the instant.
    """
    selection = Selection(start_of(first), day_range(last)[1], promised=True, stepped=True)
    return read_history(spark, settings, read_snapshot(db, settings, instant), selection)


def compute_figures(orders: DataFrame, first: str, last: str, as_of: datetime) -> dict[str, Figures]:
    """The KPIs by UTC day, from the first to the last, of orders in the columns of ORDER_SCHEMA, which are read once.

    What was promised counts before `as_of`. Raises InstantExpired when the server no longer keeps their instant.
    """
    flat = orders.selectExpr(
        *("order_id", "order_date", "payment_type", "warehouse_id", "user_city", "total_cents", "subtotal_cents"),
        *("discount_cents", "quantity", "order_items", "delivery.status", "delivery.courier_id"),
        *("delivery.expected_time", "delivery.actual_time", "delivery.history"),
    ).persist()
    times = {"start": start_of(first), "end": day_range(last)[1], "as_of": as_of}
    try:
        spark = orders.sparkSession
        placed = flat.where(flat["order_date"].between(first, last))
        figures: dict[str, dict[tuple[str, str], dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        with instant_kept():
            for query, kinds in _QUERIES:
                for row in spark.sql(query, args=times, orders=flat, placed=placed).collect():
                    _take(figures[row["day"]], row.asDict(), kinds)
        return dict(figures)
    finally:
        flat.unpersist()


def _take(figures: dict[tuple[str, str], dict[str, int]], row: dict[str, Any], kinds: _Kinds) -> None:
    subject, column = kinds[row["kind"]]
    amounts = {amount: int(row[amount]) for amount in SUBJECTS[subject] if amount in row}
    figures[subject, "" if column is None else str(row[column])].update(amounts)
