"""The columns of every table that Dagster shows, and which column comes from which.

Names and kinds are derived from what writes the tables: the contract's types, the Arrow schema of an order, the views,
the amounts of the daily KPIs. Of small documents that have no type the names stand here; a test holds them to what is
stored. What a name alone does not say is in `_TEXTS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, get_args

import msgspec
import pyarrow as pa

from ecom_platform.contract import Event, OrderPlaced, Status
from ecom_platform.history.daily_figures import SUBJECTS, step_amount
from ecom_platform.store import collections as names
from ecom_platform.store.schema import VIEW_PIPELINES
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

TOPIC: Final = "orders_topic"
ARCHIVE: Final = "orders_archive"
PURGE: Final = "orders_purge"
KPI_TABLES: Final = tuple("kpi_daily" if subject == "day" else f"kpi_daily_by_{subject}" for subject in SUBJECTS)

Kinds = Mapping[str, str]
"""Columns and what Dagster calls their types."""

_SCALARS: Final = {
    int: "int64",
    str: "string",
    bool: "bool",
    float: "double",
    bytes: "binary",
    datetime: "timestamp",
    dict: "struct",
    list: "array<struct>",
}
_DELAYS: Final = {"delay_mean_seconds": "double", "delay_p50_seconds": "int64", "delay_p90_seconds": "int64"}
_STEPS: Final = tuple(step_amount(status.value) for status in Status)

_TEXTS: Final = {
    "event_id": "identity of the event; the same id twice is a duplicate",
    "event_time": "UTC, milliseconds",
    "schema_version": "version of the contract; a newer one than ours is a dead letter",
    "order": "head of a placed order",
    "order_time": "UTC, milliseconds",
    "order_date": "UTC day of order_time, YYYY-MM-DD",
    "quantity": "units, not lines",
    "subtotal_cents": "sum of quantity x price over the items, before the discount",
    "discount_cents": "between 0 and the subtotal",
    "total_cents": "subtotal - discount",
    "user_city": "from users; unknown until the user is known",
    "warehouse_name": "from warehouses; unknown until the warehouse is known",
    "category": "from products",
    "price_cents": "price of one unit",
    "net_cents": "after the lines' shares of the discount",
    "gross_cents": "quantity x price",
    "order_items": "lines of the order",
    "delivery": "delivery of the order, or the step that a later event reports",
    "src": "partition and offset of the event that placed it",
    "version": "number of changes",
    "extra": "unknown fields of its event, as JSON",
    "expected_time": "the promise",
    "actual_time": "null until it arrived",
    "history": "every step with its time",
    "opening": "units on the shelf at the start",
    "reorder_point": "units at which the product is ordered again",
    "reason": "stable reason code",
    "error": "what was wrong, in words",
    "raw": "the message, byte for byte; its first 65,536 when it is beyond the contract's limits",
    "raw_bytes": "length of the whole message",
    "raw_sha256": "digest of the whole message, where `raw` is only its beginning",
    "replayable": "false where `raw` is only the beginning",
    "kafka_time": "time of the message in Kafka",
    "seen_at": "when it was set aside",
    "rule": "see docs/alerts.md",
    "entity": "what it is about: shop, courier:5, warehouse:1/product:7",
    "value": "of the last bad reading",
    "usual": "what the value is compared with",
    "since": "when it began",
    "opened_at": "when it was found",
    "closed_at": "null while it is open",
    "link": "the page that shows why",
    "run": "the archive run",
    "seconds": "from the plan to the end, shared out by rows",
    "open_orders_left": "old enough, but still on their way",
    "superseded_in_run": "orders of the run that changed meanwhile and stayed in MongoDB",
    "orders": "orders placed",
    "valid_orders": "orders placed without cancelled ones",
    "units": "sum of quantities, cancelled orders out",
    "subject": ", ".join(SUBJECTS),
    "member": "the payment type, city or category by name, the others by number; empty for the day",
    "booked_cents": "sum of totals, cancelled orders in",
    "revenue_cents": "sum of totals, cancelled orders out",
    "returned_cents": "sum of totals of returned orders, not deducted from revenue",
    "due": "promised for the day, cancelled orders out; today before the last closed half hour",
    "late": "due, and delivered later than promised or not yet",
    "delay_seconds": "sum of the delays of what was delivered, early ones negative",
    "delay_p50_seconds": "nearest rank on 5-minute bins",
    "delay_p90_seconds": "nearest rank on 5-minute bins",
}


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return "array<struct>"
    if pa.types.is_struct(kind):
        return "struct"
    return "timestamp" if pa.types.is_timestamp(kind) else str(kind)


def _of_arrow(fields: Iterable[pa.Field]) -> Kinds:
    return {field.name: _kind(field.type) for field in fields}


def _of_python(**kinds: type) -> Kinds:
    """Of a document whose fields are `kinds`; `_id` is written `id_`."""
    return {"_id" if name == "id_" else name: _SCALARS[kind] for name, kind in kinds.items()}


def _of_events() -> Kinds:
    """The fields of all kinds of events, nested ones as one."""
    found = {"event_id": "string", "event_type": "string"}
    for event in get_args(Event):
        for field in msgspec.structs.fields(event):
            shown = str(field.type)
            scalar = {int: "int64", str: "string"}.get(field.type, "timestamp" if "datetime" in shown else "struct")
            found.setdefault(field.name, "array<struct>" if shown.startswith("list") else scalar)
    return found


def _of_view(view: str) -> Kinds:
    """The columns that a view projects, each with the kind of the field that it unfolds."""
    project = next(stage["$project"] for stage in VIEW_PIPELINES[view] if "$project" in stage)
    lines = _of_arrow(ORDER_SCHEMA.field("order_items").type.value_type)
    nested = {**_of_arrow(ORDER_SCHEMA), **_of_arrow(ORDER_SCHEMA.field("delivery").type), **lines}
    return {name: nested[name] for name in project}


def _of_subject(subject: str) -> Kinds:
    amounts = dict.fromkeys(SUBJECTS[subject], "int64")
    head = {"day": "string", "subject": "string", "member": "string"}
    return {**head, **amounts, **(_DELAYS if subject == "day" else {})}


_ORDERS: Final = {"_id" if name == "order_id" else name: kind for name, kind in _of_arrow(ORDER_SCHEMA).items()}
COLUMNS: Final[Mapping[str, Kinds]] = {
    TOPIC: _of_events(),
    names.USERS: _of_python(id_=int, name=str, email=str, city=str),
    names.PRODUCTS: _of_python(id_=int, name=str, category=str, price_cents=int),
    names.WAREHOUSES: _of_python(id_=int, name=str, city=str),
    names.COURIERS: _of_python(id_=int, name=str, warehouse_id=int),
    names.INVENTORY: _of_python(id_=str, warehouse_id=int, product_id=int, opening=int, reorder_point=int),
    names.ORDERS: _ORDERS,
    names.ORDER_ITEMS: _of_view(names.ORDER_ITEMS),
    names.DELIVERIES: _of_view(names.DELIVERIES),
    names.DEAD_LETTERS: _of_python(
        id_=str,
        topic=str,
        partition=int,
        offset=int,
        key=bytes,
        raw=bytes,
        kafka_time=datetime,
        seen_at=datetime,
        reason=str,
        error=str,
        raw_bytes=int,
        raw_sha256=str,
        replayable=bool,
        replayed_at=datetime,
    ),
    ARCHIVE: _of_arrow(ORDER_SCHEMA),
    PURGE: _of_python(run=str, order_id=int),
    names.ORDERS_ARCHIVE_SUMMARY: _of_python(
        id_=str,
        run=str,
        day=str,
        rows=int,
        bytes=int,
        files=int,
        seconds=float,
        mb_per_second=float,
        open_orders_left=int,
        superseded_in_run=int,
        at=datetime,
    ),
    names.ALERTS: _of_python(
        id_=str,
        rule=str,
        entity=str,
        severity=str,
        unit=str,
        value=float,
        usual=float,
        since=datetime,
        opened_at=datetime,
        updated_at=datetime,
        closed_at=datetime,
        open=bool,
        link=dict,
    ),
    **{table: _of_subject(subject) for table, subject in zip(KPI_TABLES, SUBJECTS, strict=True)},
}

# Column of a KPI → column of an order that it is computed from, where that has another name.
_KPI_SOURCES: Final = {
    "day": "order_date",
    "orders": "_id",
    **dict.fromkeys(("booked_cents", "revenue_cents", "cancelled_cents", "returned_cents"), "total_cents"),
    **dict.fromkeys(("subtotal_cents", "discount_cents"), ""),
    "units": "quantity",
    **dict.fromkeys(("gross_cents", "net_cents"), "order_items"),
    **dict.fromkeys(("valid_orders", "due", "on_time", "late", "delivered", "delay_seconds"), "delivery"),
    **dict.fromkeys((*_DELAYS, *_STEPS, *(status.value for status in Status)), "delivery"),
}
Sources = Mapping[str, Sequence[tuple[str, str]]]
"""Column → the (table, column) pairs that it comes from."""


def text_of(column: str) -> str | None:
    """What a column is, where its name alone does not say it."""
    return _TEXTS.get(column)


def sources_of(table: str) -> Sources:
    """Where the columns of a table come from; empty for a source."""
    columns = COLUMNS[table]
    if table == names.ORDERS:
        return {column: _sources_of_order(column) for column in columns if column not in ("src", "version", "extra")}
    if table in VIEW_PIPELINES:
        nested = "order_items" if table == names.ORDER_ITEMS else "delivery"
        return {
            name: [(names.ORDERS, "_id" if name == "order_id" else name if name in _ORDERS else nested)]
            for name in columns
        }
    if table == ARCHIVE:
        return {name: [(names.ORDERS, "_id" if name == "order_id" else name)] for name in columns}
    if table == PURGE:
        return {"order_id": [(ARCHIVE, "order_id")]}
    if table == names.ORDERS_ARCHIVE_SUMMARY:
        return {"run": [(PURGE, "run")]}
    if table in KPI_TABLES:
        known = {name: _KPI_SOURCES[name] or name for name in columns if name in _KPI_SOURCES}
        return {
            name: [(names.ORDERS, source), (ARCHIVE, "order_id" if source == "_id" else source)]
            for name, source in known.items()
        }
    return {}


def _sources_of_order(column: str) -> Sequence[tuple[str, str]]:
    enriched = {
        "user_city": (names.USERS, "city"),
        "warehouse_name": (names.WAREHOUSES, "name"),
        "order_items": (names.PRODUCTS, "category"),
        "delivery": (names.COURIERS, "name"),
    }
    topic = {"_id": "order_id"}.get(column, column if column in OrderPlaced.__struct_fields__ else "order")
    return [(TOPIC, topic), *([enriched[column]] if column in enriched else [])]
