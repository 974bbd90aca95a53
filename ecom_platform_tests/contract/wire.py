"""Valid events as plain JSON objects, the way a foreign producer would write them, and ways to break them."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from ecom_platform.contract import Decoded, Event, Rejected, decode_with_extra

KAFKA_TIME = datetime(2026, 11, 23, 7, 0, 5, tzinfo=UTC)
HISTORY_START = datetime(2020, 1, 1, tzinfo=UTC)
ABSENT = object()
"""As a new value: the field is left out."""

Wire = dict[str, Any]

_PLACED: Wire = {
    "event_id": "0190-1",
    "event_type": "order_placed",
    "schema_version": 1,
    "event_time": "2026-11-23T07:00:00.123Z",
    "order_id": 4711,
    "order": {
        "order_id": 4711,
        "user_id": 83,
        "warehouse_id": 3,
        "order_time": "2026-11-23T07:00:00.120Z",
        "quantity": 4,
        "subtotal_cents": 43_500,
        "discount_cents": 3_500,
        "total_cents": 40_000,
        "payment_type": "Credit Card",
    },
    "order_items": [
        {"order_item_id": "4711-1", "order_id": 4711, "product_id": 1, "quantity": 1, "price_cents": 13_500},
        {"order_item_id": "4711-2", "order_id": 4711, "product_id": 2, "quantity": 3, "price_cents": 10_000},
    ],
    "delivery": {
        "delivery_id": 9001,
        "order_id": 4711,
        "courier_id": 5,
        "status": "Pending",
        "expected_time": "2026-11-23T13:00:00Z",
        "actual_time": None,
    },
}
_UPDATED: Wire = {
    "event_id": "0190-2",
    "event_type": "delivery_updated",
    "schema_version": 1,
    "event_time": "2026-11-23T07:00:01.000Z",
    "order_id": 4711,
    "order_time": "2026-11-23T07:00:00.120Z",
    "delivery": {"delivery_id": 9001, "status": "Delivered", "actual_time": "2026-11-23T07:00:00.900Z"},
}
_CANCELLED: Wire = {
    "event_id": "0190-3",
    "event_type": "order_cancelled",
    "schema_version": 1,
    "event_time": "2026-11-23T07:00:02Z",
    "order_id": 4711,
    "order_time": "2026-11-23T07:00:00.120Z",
    "delivery": {"delivery_id": 9001, "status": "Cancelled", "actual_time": None},
}
_RECEIVED: Wire = {
    "event_id": "0190-4",
    "event_type": "stock_received",
    "schema_version": 1,
    "event_time": "2026-11-23T06:00:00Z",
    "warehouse_id": 3,
    "product_id": 1,
    "quantity": 50,
}
EVENTS: dict[str, Wire] = {wire["event_type"]: wire for wire in (_PLACED, _UPDATED, _CANCELLED, _RECEIVED)}


def changed(kind: str = "order_placed", /, **changes: Any) -> Wire:
    """A valid event with some fields replaced; `order__quantity=0` is `order.quantity`, numbers index lists."""
    wire = copy.deepcopy(EVENTS[kind])
    for path, value in changes.items():
        *parents, name = path.split("__")
        part: Any = wire
        for parent in parents:
            part = part[int(parent)] if isinstance(part, list) else part[parent]
        if value is ABSENT:
            del part[name]
        else:
            part[name] = value
    return wire


def of_one_line(quantity: int, price_cents: int, discount_cents: int = 0) -> Wire:
    """An order of a single line whose sums are right."""
    wire = changed()
    wire["order_items"] = [{**wire["order_items"][0], "quantity": quantity, "price_cents": price_cents}]
    subtotal = quantity * price_cents
    wire["order"].update(
        quantity=quantity,
        subtotal_cents=subtotal,
        discount_cents=discount_cents,
        total_cents=subtotal - discount_cents,
    )
    return wire


def text(wire: Wire) -> str:
    """The event as JSON text."""
    return json.dumps(wire)


def receive(value: Wire | str | bytes | None) -> Decoded | Rejected:
    """What the platform makes of a message."""
    if isinstance(value, dict):
        value = json.dumps(value)
    raw = value.encode() if isinstance(value, str) else value
    return decode_with_extra(raw, KAFKA_TIME, HISTORY_START)


def accepted(value: Wire | str | bytes) -> Event:
    """The event that a message must have become."""
    outcome = receive(value)
    assert isinstance(outcome, Decoded), outcome
    return outcome.event


def rejected(value: Wire | str | bytes | None) -> Rejected:
    """The rejection that a message must have met."""
    outcome = receive(value)
    assert isinstance(outcome, Rejected), outcome
    return outcome
