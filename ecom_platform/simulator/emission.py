"""A message on its way to Kafka, with what the ledger must know about it."""

from __future__ import annotations

from msgspec import Struct

from ecom_platform.contract import (
    DeliveryUpdated,
    Event,
    EventType,
    OrderCancelled,
    OrderPlaced,
    StockReceived,
    encode,
    key_of,
)

APPLIED = "applied"
DUPLICATE = "duplicate"


class Emission(Struct, gc=False):
    """One message.

    `time_ms` is when it is sent in simulated time (the event's own time, unless a fault held it back), `expected` the
    outcome it must have downstream: `applied`, `duplicate` or `dead:<reason>`; `fault` names the kind of fault, `step`
    the delivery status that a later event reports.
    """

    time_ms: int
    event_type: str
    event_id: str
    order_id: int | None
    key: bytes
    value: bytes | None
    total_cents: int | None
    fault: str | None
    expected: str
    step: str | None = None


def message_of(event: Event, event_type: EventType, time_ms: int) -> Emission:
    """Encode a real event, which is expected to be applied."""
    order_id = None if isinstance(event, StockReceived) else event.order_id
    total = event.order.total_cents if isinstance(event, OrderPlaced) else None
    step = event.delivery.status.value if isinstance(event, DeliveryUpdated | OrderCancelled) else None
    name, key = event_type.value, key_of(event)
    return Emission(time_ms, name, event.event_id, order_id, key, encode(event), total, None, APPLIED, step)
