"""Columns of every table as Dagster shows them, and which column comes from which."""

from __future__ import annotations

from typing import Final

import dagster as dg

from ecom_platform.store import collections as names

__all__ = ["DIMENSIONS", "FACTS", "TOPIC_KEY", "dimension_key", "fact_key", "lineage", "schema"]

TOPIC_KEY: Final = dg.AssetKey(["sources", "orders_topic"])
DIMENSIONS: Final = names.DIMENSIONS
FACTS: Final = (names.ORDERS, names.ORDER_ITEMS, names.DELIVERIES, names.DEAD_LETTERS)

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
        "raw": ("binary", "the message, byte for byte"),
        "key": ("binary", "key of the message"),
        "partition": ("int", ""),
        "offset": ("int64", ""),
        "kafka_time": ("timestamp", "time of the message in Kafka"),
        "seen_at": ("timestamp", "when it was set aside"),
        "replayed_at": ("timestamp", "null until it was replayed"),
    },
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
}


def dimension_key(name: str) -> dg.AssetKey:
    """The asset key of a dimension."""
    return dg.AssetKey(["dimensions", name])


def fact_key(name: str) -> dg.AssetKey:
    """The asset key of a fact."""
    return dg.AssetKey(["facts", name])


def schema(table: str) -> dg.TableSchema:
    """The columns of a table."""
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=text or None) for name, (kind, text) in _COLUMNS[table].items()]
    )


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
    return dimension_key(table) if table in DIMENSIONS else fact_key(table)
