"""The figures of `ecom kpi` from a table of orders, in SQL: one scan fills the table, a query answers each figure.

Money is summed per order; only what is sold per category or product unfolds the lines, and sums lines there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ecom_platform.contract import Status
from ecom_platform.errors import AccountingError
from ecom_platform.history.question import KpiQuestion
from ecom_platform.kpi import UNKNOWN
from ecom_platform.kpi.figures import average_order_value_cents, delay_percentile_seconds
from ecom_platform.kpi.sql import VALID, delay_bin, on_time
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

TOP_PRODUCTS: Final = 10


def _part(kind: pa.DataType, *names: str) -> pa.DataType:
    return pa.struct([kind.field(name) for name in names])


KPI_COLUMNS: Final = pa.schema(
    [
        *(
            ORDER_SCHEMA.field(name)
            for name in ("order_id", "warehouse_id", "order_time", "quantity", "discount_cents", "total_cents")
        ),
        ORDER_SCHEMA.field("payment_type"),
        ORDER_SCHEMA.field("user_city"),
        (
            "order_items",
            pa.list_(
                _part(
                    ORDER_SCHEMA.field("order_items").type.value_type,
                    *("product_id", "quantity", "price_cents", "net_cents", "category"),
                )
            ),
        ),
        (
            "delivery",
            _part(ORDER_SCHEMA.field("delivery").type, "courier_id", "status", "expected_time", "actual_time"),
        ),
    ]
)
"""What the figures are made of."""

_FILL: Final = f"""
    INSERT INTO orders
    SELECT order_id, hot, order_time, expected_time, actual_time - expected_time, warehouse_id, courier_id,
           payment_type, coalesce(user_city, $unknown), status, {VALID}, quantity, discount_cents, total_cents,
           order_items
    FROM part
"""  # noqa: S608 - of constants

_TABLE: Final = """
    CREATE TABLE orders (
        order_id BIGINT, hot BOOLEAN, placed_us BIGINT, expected_us BIGINT, delay_us BIGINT, warehouse_id BIGINT,
        courier_id BIGINT, payment_type VARCHAR, city VARCHAR, status VARCHAR, valid BOOLEAN, quantity BIGINT,
        discount_cents BIGINT, total_cents BIGINT,
        order_items STRUCT(product_id BIGINT, quantity BIGINT, price_cents BIGINT, net_cents BIGINT, category VARCHAR)[]
    )
"""

# Which filters a panel honours is decided here: `placed` the warehouse, `chosen` all but the category, `sold` all four.
_VIEWS: Final = """
    CREATE VIEW placed AS
        SELECT * FROM orders WHERE placed_us >= $start AND placed_us < $end AND {warehouse};
    CREATE VIEW chosen AS SELECT * FROM placed WHERE {courier} AND {payment};
    CREATE VIEW due AS
        SELECT *, {on_time} AS on_time FROM orders
        WHERE expected_us >= $start AND expected_us < least($end, $as_of) AND valid
          AND {warehouse} AND {courier} AND {payment};
    CREATE VIEW lines AS
        SELECT * EXCLUDE (line), line.product_id AS product_id, coalesce(line.category, '{unknown}') AS category,
               line.quantity AS units, line.quantity * line.price_cents AS gross_cents, line.net_cents AS net_cents
        FROM (SELECT order_id, valid, courier_id, payment_type, unnest(order_items) AS line FROM placed);
"""
_SOLD_WHOLE: Final = """
    CREATE TABLE sold AS
        SELECT order_id, hot, valid, warehouse_id, payment_type, total_cents AS money_cents,
               discount_cents AS given_cents, quantity AS units
        FROM chosen
"""
_SOLD_OF_CATEGORY: Final = """
    CREATE TABLE sold AS
        SELECT order_id, hot, valid, warehouse_id, payment_type, money_cents, given_cents, units
        FROM chosen JOIN (
            SELECT order_id, sum(net_cents) AS money_cents, sum(gross_cents - net_cents) AS given_cents,
                   sum(units) AS units
            FROM lines WHERE category = $category GROUP BY order_id
        ) USING (order_id)
"""


class OrderTable:
    """Orders in memory, and the questions about them. Use it in a `with` block."""

    def __init__(self, question: KpiQuestion) -> None:
        self._question = question
        self._connection = duckdb.connect(":memory:", config={"threads": 2})
        self._connection.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, batches: Iterable[pa.RecordBatch], *, hot: bool) -> None:
        """Take batches of KPI_COLUMNS; each order may come once."""
        for batch in batches:
            self._connection.register("part", _flat(batch, hot=hot))
            self._connection.execute(_FILL, {"unknown": UNKNOWN})
            self._connection.unregister("part")

    def figures(self) -> dict[str, Any]:
        """Every figure, by its name in the answer.

        Raises:
            AccountingError: an order came twice; no figure would be right.
        """
        self._check()
        self._make_views()
        return {
            **self._totals(),
            "by_status": {
                **{status.value: 0 for status in Status},
                **self._mapping("SELECT status, count(*) FROM chosen GROUP BY ALL"),
            },
            "by_payment_type": self._sales_by("payment_type"),
            "by_category": self._by_category(),
            "by_warehouse": self._sales_by("warehouse_id"),
            "by_courier": self._by_courier(),
            "by_location": self._sales_by("city", "placed", "total_cents"),
            "top_products": self._top_products(),
            "promise": self._promise(),
            "delivery_delay_seconds": self._delay(),
        }

    def sources(self) -> dict[str, int]:
        """How many of the orders placed came from each side."""
        hot, cold = self._row("SELECT count(*) FILTER (hot), count(*) FILTER (NOT hot) FROM sold")
        return {"hot_orders": hot, "cold_orders": cold}

    def _check(self) -> None:
        count, distinct = self._row("SELECT count(*), count(DISTINCT order_id) FROM orders")
        if count != distinct:
            raise AccountingError(
                f"{count - distinct} orders came twice out of MongoDB and the archive. No figure was computed. "
                "This is a bug: `ecom archive --where ORDER_ID` tells where an order is."
            )

    def _make_views(self) -> None:
        question, filters = self._question, self._question.filters
        texts = {
            "unknown": UNKNOWN,
            "on_time": on_time("delay_us"),
            "warehouse": _among("warehouse_id", filters.warehouses),
            "courier": _among("courier_id", filters.couriers),
            "payment": _among("payment_type", filters.payments),
        }
        views = _VIEWS.format(**texts)
        for name, when in (("end", question.end), ("start", question.start), ("as_of", question.as_of)):
            views = views.replace(f"${name}", str(_microseconds(when)))
        self._connection.execute(views)
        if filters.category is None:
            self._connection.execute(_SOLD_WHOLE)
        else:
            self._connection.execute(_SOLD_OF_CATEGORY, {"category": filters.category})

    def _totals(self) -> dict[str, Any]:
        orders, valid, booked, revenue, discount, units = self._row(
            "SELECT count(*), count(*) FILTER (valid), sum(money_cents), sum(money_cents) FILTER (valid), "
            "sum(given_cents) FILTER (valid), sum(units) FILTER (valid) FROM sold"
        )
        return {
            "orders": orders,
            "valid_orders": valid,
            "booked_cents": _int(booked),
            "revenue_cents": _int(revenue),
            "discount_cents": _int(discount),
            "units": _int(units),
            "aov_cents": average_order_value_cents(_int(revenue), valid),
        }

    def _sales_by(self, column: str, table: str = "sold", money: str = "money_cents") -> dict[str, dict[str, int]]:
        rows = self._rows(
            f"SELECT {column}, count(*) FILTER (valid), sum({money}) FILTER (valid), count(*) "  # noqa: S608
            f"FROM {table} GROUP BY ALL ORDER BY 1"
        )
        return {
            str(key): {"orders": valid, "revenue_cents": _int(revenue), "placed": placed}
            for key, valid, revenue, placed in rows
        }

    def _by_category(self) -> dict[str, dict[str, int]]:
        """Of the chosen category alone, when there is one."""
        category = self._question.filters.category
        only, values = ("true", {}) if category is None else ("category = $category", {"category": category})
        rows = self._rows(
            "SELECT category, sum(units), sum(gross_cents), sum(net_cents), count(DISTINCT order_id) FROM lines "  # noqa: S608
            f"WHERE valid AND {only} AND order_id IN (SELECT order_id FROM sold) GROUP BY ALL ORDER BY 1",
            values,
        )
        return {
            name: {"units": int(units), "gross_cents": int(gross), "net_cents": int(net), "orders": orders}
            for name, units, gross, net, orders in rows
        }

    def _by_courier(self) -> dict[str, dict[str, int]]:
        rows = self._rows(
            "SELECT courier_id, sum(orders), sum(due), sum(on_time) FROM ("
            "  SELECT courier_id, count(*) FILTER (valid) AS orders, 0 AS due, 0 AS on_time FROM chosen GROUP BY ALL"
            "  UNION ALL"
            "  SELECT courier_id, 0, count(*), count(*) FILTER (on_time) FROM due GROUP BY ALL"
            ") GROUP BY ALL ORDER BY 1"
        )
        return {
            str(key): {"orders": int(orders), "due": int(due), "on_time": int(on_time), "late": int(due - on_time)}
            for key, orders, due, on_time in rows
        }

    def _top_products(self) -> list[dict[str, int]]:
        category = self._question.filters.category
        only, values = ("true", {}) if category is None else ("category = $category", {"category": category})
        rows = self._rows(
            "SELECT product_id, sum(units), sum(gross_cents), sum(net_cents) AS net FROM lines "  # noqa: S608
            f"WHERE valid AND {only} GROUP BY ALL ORDER BY net DESC, product_id LIMIT {TOP_PRODUCTS}",
            values,
        )
        return [
            {"product_id": product, "units": int(units), "gross_cents": int(gross), "net_cents": int(net)}
            for product, units, gross, net in rows
        ]

    def _promise(self) -> dict[str, int]:
        due, on_time = self._row("SELECT count(*), count(*) FILTER (on_time) FROM due")
        return {"due": due, "on_time": on_time, "late": due - on_time}

    def _delay(self) -> dict[str, Any]:
        """Whole seconds per order, as the rollups keep them: half a second goes to the even one."""
        count, total = self._row("SELECT count(delay_us), sum(CAST(round_even(delay_us / 1e6, 0) AS BIGINT)) FROM due")
        bins = self._mapping(
            f"SELECT {delay_bin('delay_us')}, count(*) FROM due WHERE delay_us IS NOT NULL GROUP BY ALL"  # noqa: S608
        )
        return {
            "count": count,
            "mean": round(_int(total) / count, 3) if count else None,
            "p50": delay_percentile_seconds(bins, 50),
            "p90": delay_percentile_seconds(bins, 90),
        }

    def _rows(self, query: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values or {}).fetchall()

    def _row(self, query: str) -> tuple[Any, ...]:
        return self._rows(query)[0]

    def _mapping(self, query: str) -> dict[Any, Any]:
        return {key: value for key, value in self._rows(query)}  # noqa: C416 - two columns, not any tuple


def _flat(batch: pa.RecordBatch, *, hot: bool) -> pa.Table:
    """The batch with the delivery's fields as columns, times in microseconds, and where it is from."""
    delivery = batch.column("delivery")
    columns = {name: batch.column(name) for name in batch.schema.names if name != "delivery"}
    columns |= {name: pc.struct_field(delivery, name) for name in ("courier_id", "status")}
    columns["order_time"] = columns["order_time"].cast(pa.int64())
    columns |= {name: pc.struct_field(delivery, name).cast(pa.int64()) for name in ("expected_time", "actual_time")}
    return pa.table({**columns, "hot": pa.repeat(pa.scalar(hot), batch.num_rows)})


def _among(column: str, values: Iterable[int | str]) -> str:
    """A condition; the values are ids and payment types that were checked."""
    texts = [str(value) if isinstance(value, int) else f"'{value}'" for value in values]
    return f"{column} IN ({', '.join(texts)})" if texts else "true"


def _microseconds(when: Any) -> int:
    return int(pa.scalar(when, pa.timestamp("us", "UTC")).cast(pa.int64()).as_py())


def _int(total: Any) -> int:
    return int(total or 0)
