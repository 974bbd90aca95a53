"""Columns of every table as Dagster shows them, and which column comes from which."""

from __future__ import annotations

from typing import Any, Final

import dagster as dg

from ecom_platform.contract import Status
from ecom_platform.history.daily_figures import step_amount
from ecom_platform.settings import load_settings
from ecom_platform.store import collections as names

TOPIC_KEY: Final = dg.AssetKey(["sources", "orders_topic"])
DIMENSIONS: Final = names.DIMENSIONS
FACTS: Final = (names.ORDERS, names.ORDER_ITEMS, names.DELIVERIES, names.DEAD_LETTERS)

ARCHIVE_KEY: Final = dg.AssetKey(["archive", "orders_archive"])
PURGE_KEY: Final = dg.AssetKey(["archive", "orders_purge"])
SUMMARY_KEY: Final = dg.AssetKey(["archive", "orders_archive_summary"])
ALERTS_KEY: Final = dg.AssetKey(["alerts", "alerts"])
KPI_TABLES: Final = (
    "kpi_daily",
    "kpi_daily_by_payment",
    "kpi_daily_by_warehouse",
    "kpi_daily_by_courier",
    "kpi_daily_by_city",
    "kpi_daily_by_category",
    "kpi_daily_by_product",
    "kpi_daily_by_delay",
)
KPI_KEYS: Final = tuple(dg.AssetKey(["kpis", name]) for name in KPI_TABLES)

_KPI_ID: Final = {
    "day": ("string", "UTC day, YYYY-MM-DD"),
    "subject": ("string", "day, payment, warehouse, courier, city, category, product or delay"),
    "member": ("string", "the payment type, city or category by name, the others by number; empty for the day"),
}
_KPI_ORDERS: Final = {
    "orders": ("int64", "orders placed"),
    "valid_orders": ("int64", "orders placed without cancelled ones"),
    "booked_cents": ("int64", "sum of totals, cancelled orders in"),
    "revenue_cents": ("int64", "sum of totals, cancelled orders out"),
    "cancelled_cents": ("int64", "sum of totals of cancelled orders"),
    "returned_cents": ("int64", "sum of totals of returned orders, not deducted from revenue"),
    "subtotal_cents": ("int64", "before discount, cancelled orders out"),
    "discount_cents": ("int64", "cancelled orders out"),
    "units": ("int64", "units sold, cancelled orders out"),
}
_KPI_LINES: Final = {
    "units": ("int64", "units sold, cancelled orders out"),
    "gross_cents": ("int64", "quantity x price, cancelled orders out"),
    "net_cents": ("int64", "after the lines' shares of the discount, cancelled orders out"),
}
_KPI_STATUSES: Final = {status.value: ("int64", f"orders that are {status.value} now") for status in Status}
_KPI_PROMISES: Final = {
    "due": ("int64", "promised for the day, cancelled orders out; today before the last closed half hour"),
    "on_time": ("int64", "of them, delivered no later than promised"),
    "late": ("int64", "of them, delivered later or not yet"),
    "delivered": ("int64", "of them, delivered"),
    "delay_seconds": ("int64", "sum of their delays, early ones negative"),
}
_KPI_DELAYS: Final = {
    "delay_mean_seconds": ("double", "delay_seconds / delivered"),
    "delay_p50_seconds": ("int64", "nearest rank on 5-minute bins"),
    "delay_p90_seconds": ("int64", "nearest rank on 5-minute bins"),
}
_KPI_STEPS: Final = {
    step_amount(status.value): ("int64", f"orders that became {status.value} on the day") for status in Status
}
_KPI_BASES: Final = {**_KPI_ORDERS, **_KPI_STATUSES, **_KPI_PROMISES, **_KPI_STEPS}
_ORDER_SUBJECTS: Final = ("kpi_daily", "kpi_daily_by_payment", "kpi_daily_by_warehouse", "kpi_daily_by_courier")
_CITY_COLUMNS: Final = {name: _KPI_ORDERS[name] for name in ("orders", "revenue_cents")}
_CATEGORY_COLUMNS: Final = {"orders": _KPI_ORDERS["orders"], "valid_orders": _KPI_ORDERS["valid_orders"], **_KPI_LINES}

_COLUMNS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "orders_topic": {
        "event_id": ("string", "identity of the event; the same id twice is a duplicate"),
        "event_type": ("string", "order_placed, delivery_updated, order_cancelled or stock_received"),
        "schema_version": ("int", "version of the contract; a newer one than ours is a dead letter"),
        "event_time": ("timestamp", "UTC, milliseconds"),
        "order_id": ("int64", "key of the message, except for stock_received"),
        "order": ("struct", "head of a placed order"),
        "order_items": ("array<struct>", "lines of a placed order"),
        "delivery": ("struct", "delivery of a placed order, or the step a later event reports"),
    },
    names.USERS: {
        "_id": ("int", "user_id"),
        "name": ("string", ""),
        "city": ("string", "written into the order when it is placed, as user_city"),
    },
    names.PRODUCTS: {
        "_id": ("int", "product_id"),
        "name": ("string", ""),
        "category": ("string", "written into the order's items"),
        "price_cents": ("int64", "list price of one unit"),
    },
    names.WAREHOUSES: {"_id": ("int", "warehouse_id"), "name": ("string", ""), "city": ("string", "")},
    names.COURIERS: {
        "_id": ("int", "courier_id"),
        "name": ("string", ""),
        "warehouse_id": ("int", "the one warehouse the courier serves"),
    },
    names.INVENTORY: {
        "_id": ("string", "warehouse_id-product_id"),
        "warehouse_id": ("int", ""),
        "product_id": ("int", ""),
        "opening": ("int", "units on the shelf at the start"),
        "reorder_point": ("int", "units at which the product is ordered again"),
    },
    names.ORDERS: {
        "_id": ("int64", "order_id"),
        "user_id": ("int", ""),
        "warehouse_id": ("int", ""),
        "order_time": ("timestamp", "UTC, milliseconds"),
        "order_date": ("string", "UTC day of order_time, YYYY-MM-DD"),
        "quantity": ("int", "units, not lines"),
        "subtotal_cents": ("int64", "sum of quantity x price over the items"),
        "discount_cents": ("int64", "between 0 and the subtotal"),
        "total_cents": ("int64", "subtotal - discount"),
        "payment_type": ("string", "Cash, Credit Card, Debit Card or Wallet"),
        "user_city": ("string", "from users; unknown until the user is known"),
        "order_items": ("array<struct>", "lines, see order_items"),
        "delivery": ("struct", "delivery with its history, see deliveries"),
        "src": ("struct", "partition and offset of the event that placed it"),
        "version": ("int", "number of changes"),
    },
    names.ORDER_ITEMS: {
        "order_id": ("int64", ""),
        "order_item_id": ("string", ""),
        "product_id": ("int", ""),
        "quantity": ("int", "units"),
        "price_cents": ("int64", "price of one unit"),
        "net_cents": ("int64", "share of the order's total"),
        "category": ("string", "from products"),
        "order_time": ("timestamp", ""),
        "order_date": ("string", ""),
        "warehouse_id": ("int", ""),
    },
    names.DELIVERIES: {
        "order_id": ("int64", ""),
        "delivery_id": ("int64", ""),
        "courier_id": ("int", ""),
        "status": ("string", "Pending, Shipped, Delivered, Returned or Cancelled"),
        "expected_time": ("timestamp", "the promise"),
        "actual_time": ("timestamp", "null until it arrived"),
        "history": ("array<struct>", "every step with its time"),
        "order_time": ("timestamp", ""),
        "order_date": ("string", ""),
        "warehouse_id": ("int", ""),
    },
    names.DEAD_LETTERS: {
        "_id": ("string", "topic-partition-offset"),
        "reason": ("string", "stable reason code"),
        "error": ("string", "what was wrong, in words"),
        "raw": ("binary", "the message, byte for byte; its first 65,536 when it is beyond the contract's limits"),
        "raw_bytes": ("int", "length of the whole message"),
        "raw_sha256": ("string", "digest of the whole message, where `raw` is only its beginning"),
        "replayable": ("bool", "false where `raw` is only the beginning"),
        "key": ("binary", "key of the message"),
        "partition": ("int", ""),
        "offset": ("int64", ""),
        "kafka_time": ("timestamp", "time of the message in Kafka"),
        "seen_at": ("timestamp", "when it was set aside"),
        "replayed_at": ("timestamp", "null until it was replayed"),
    },
    "orders_archive": {
        "order_id": ("int64", "`_id` in MongoDB"),
        "user_id": ("int64", ""),
        "warehouse_id": ("int64", ""),
        "order_time": ("timestamp", "UTC, microseconds"),
        "order_date": ("string", "the partition, order_date=YYYY-MM-DD"),
        "quantity": ("int64", "units, not lines"),
        "subtotal_cents": ("int64", ""),
        "discount_cents": ("int64", ""),
        "total_cents": ("int64", ""),
        "payment_type": ("string", ""),
        "user_city": ("string", ""),
        "warehouse_name": ("string", ""),
        "order_items": ("array<struct>", "lines"),
        "delivery": ("struct", "delivery with its history"),
        "src": ("struct", "partition and offset of the event that placed it"),
        "version": ("int", "number of changes when it was copied"),
        "extra": ("string", "unknown fields of its event, as JSON"),
    },
    names.ALERTS: {
        "_id": ("string", "rule|entity|since"),
        "rule": ("string", "see docs/alerts.md"),
        "entity": ("string", "what it is about: shop, courier:5, warehouse:1/product:7"),
        "severity": ("string", "critical, warning or notice"),
        "unit": ("string", "of value and usual"),
        "value": ("double", "of the last bad reading"),
        "usual": ("double", "what the value is compared with"),
        "since": ("timestamp", "when it began"),
        "opened_at": ("timestamp", "when it was found"),
        "updated_at": ("timestamp", ""),
        "closed_at": ("timestamp", "null while it is open"),
        "open": ("bool", ""),
        "link": ("struct", "the page that shows why"),
    },
    "orders_purge": {
        "run": ("string", "the archive run that was purged"),
        "order_id": ("int64", "deleted from MongoDB, unless the order changed since it was copied"),
    },
    names.ORDERS_ARCHIVE_SUMMARY: {
        "_id": ("string", "run/day"),
        "run": ("string", "the archive run"),
        "day": ("string", "UTC day of the orders"),
        "rows": ("int", "orders"),
        "bytes": ("int64", "of Parquet"),
        "files": ("int", ""),
        "seconds": ("double", "from the plan to the end, shared out by rows"),
        "mb_per_second": ("double", "of Parquet"),
        "open_orders_left": ("int", "old enough, but still on their way"),
        "superseded_in_run": ("int", "orders of the run that changed meanwhile and stayed in MongoDB"),
        "at": ("timestamp", "end of the run"),
    },
    **{name: {**_KPI_ID, **_KPI_BASES} for name in _ORDER_SUBJECTS},
    "kpi_daily": {**_KPI_ID, **_KPI_BASES, **_KPI_DELAYS},
    "kpi_daily_by_city": {**_KPI_ID, **_CITY_COLUMNS},
    "kpi_daily_by_category": {**_KPI_ID, **_CATEGORY_COLUMNS},
    "kpi_daily_by_product": {**_KPI_ID, **_KPI_LINES},
    "kpi_daily_by_delay": {**_KPI_ID, "delivered": _KPI_PROMISES["delivered"]},
}

# Column of a KPI → column of `orders` it is computed from; the same of `orders_archive`.
_KPI_SOURCES: Final = {
    "day": "order_date",
    "orders": "version",
    "valid_orders": "delivery",
    "booked_cents": "total_cents",
    "revenue_cents": "total_cents",
    "cancelled_cents": "total_cents",
    "returned_cents": "total_cents",
    "subtotal_cents": "subtotal_cents",
    "discount_cents": "discount_cents",
    "units": "quantity",
    "gross_cents": "order_items",
    "net_cents": "order_items",
    **dict.fromkeys([*_KPI_STATUSES, *_KPI_PROMISES, *_KPI_DELAYS, *_KPI_STEPS], "delivery"),
}

# table -> column -> [(upstream table, column)]
_LINEAGE: Final[dict[str, dict[str, list[tuple[str, str]]]]] = {
    names.ORDERS: {
        "_id": [("orders_topic", "order_id")],
        **{
            column: [("orders_topic", "order")]
            for column in (
                "user_id",
                "warehouse_id",
                "order_time",
                "order_date",
                "quantity",
                "subtotal_cents",
                "discount_cents",
                "total_cents",
                "payment_type",
            )
        },
        "user_city": [("orders_topic", "order"), (names.USERS, "city")],
        "order_items": [("orders_topic", "order_items"), (names.PRODUCTS, "category")],
        "delivery": [("orders_topic", "delivery")],
    },
    names.ORDER_ITEMS: {
        "order_id": [(names.ORDERS, "_id")],
        **{
            column: [(names.ORDERS, "order_items")]
            for column in ("order_item_id", "product_id", "quantity", "price_cents", "net_cents", "category")
        },
        **{column: [(names.ORDERS, column)] for column in ("order_time", "order_date", "warehouse_id")},
    },
    names.DELIVERIES: {
        "order_id": [(names.ORDERS, "_id")],
        **{
            column: [(names.ORDERS, "delivery")]
            for column in ("delivery_id", "courier_id", "status", "expected_time", "actual_time", "history")
        },
        **{column: [(names.ORDERS, column)] for column in ("order_time", "order_date", "warehouse_id")},
    },
    "orders_archive": {
        column: [(names.ORDERS, "_id" if column == "order_id" else column)]
        for column in _COLUMNS["orders_archive"]
        if column in ("order_id", *_COLUMNS[names.ORDERS])
    },
    "orders_purge": {"order_id": [("orders_archive", "order_id")]},
    names.ORDERS_ARCHIVE_SUMMARY: {"run": [("orders_purge", "run")]},
    **{
        name: {
            column: [(names.ORDERS, _KPI_SOURCES[column]), ("orders_archive", _KPI_SOURCES[column])]
            for column in _COLUMNS[name]
            if column in _KPI_SOURCES
        }
        for name in KPI_TABLES
    },
}


def dimension_key(name: str) -> dg.AssetKey:
    """The asset key of a dimension."""
    return dg.AssetKey(["dimensions", name])


def fact_key(name: str) -> dg.AssetKey:
    """The asset key of a fact."""
    return dg.AssetKey(["facts", name])


def kpi_key(name: str) -> dg.AssetKey:
    """The asset key of a daily KPI."""
    return dg.AssetKey(["kpis", name])


def schema(table: str) -> dg.TableSchema:
    """The columns of a table."""
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=text or None) for name, (kind, text) in _COLUMNS[table].items()]
    )


def table_metadata(table: str, collection: str | None = None) -> dict[str, Any]:
    """What Dagster shows of a table in MongoDB: columns, where they come from, its name and address."""
    collection = collection or table
    metadata: dict[str, Any] = {
        "dagster/column_schema": schema(table),
        "dagster/table_name": collection,
        # Without a host: that is a setting of the place, and may hold a password.
        "dagster/uri": f"mongodb:///{load_settings().mongodb_database}/{collection}",
    }
    if columns := lineage(table).deps_by_column:
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(columns)
    return metadata


def lineage(table: str) -> dg.TableColumnLineage:
    """Where the columns of a table come from; empty for a source."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(_key(upstream), name) for upstream, name in deps]
            for column, deps in _LINEAGE.get(table, {}).items()
        }
    )


def _key(table: str) -> dg.AssetKey:
    if table == "orders_topic":
        return TOPIC_KEY
    if table in ("orders_archive", "orders_purge"):
        return ARCHIVE_KEY if table == "orders_archive" else PURGE_KEY
    return dimension_key(table) if table in DIMENSIONS else fact_key(table)
