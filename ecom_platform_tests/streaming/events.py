"""Small valid events for the tests of the stream, and the tables they are enriched with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ecom_platform.contract import (
    Delivery,
    DeliveryStep,
    DeliveryUpdated,
    Event,
    Order,
    OrderCancelled,
    OrderItem,
    OrderPlaced,
    PaymentType,
    Status,
    StockReceived,
    encode,
    key_of,
)
from ecom_platform.store import DimensionTables
from ecom_platform.streaming.records import Record

NOW = datetime.now(UTC).replace(microsecond=0)
PLACED_AT = NOW - timedelta(hours=12)
HISTORY_START = NOW.replace(year=2020, month=1, day=1)

TABLES = DimensionTables(
    version=1,
    product_category={1: "Books", 2: "Toys", 60: "Books"},
    user_city={7: "Oslo"},
    warehouse_name={3: "North"},
    courier_name={5: "Ada"},
)


def placed(order_id: int, *, courier_id: int = 5, at: datetime = PLACED_AT) -> OrderPlaced:
    """An order of two lines: 2 × 1,000 + 1 × 500 cents, 101 cents off."""
    return OrderPlaced(
        event_id=f"placed-{order_id}",
        event_time=at,
        order_id=order_id,
        order=Order(
            order_id=order_id,
            user_id=7,
            warehouse_id=3,
            order_time=at,
            quantity=3,
            subtotal_cents=2500,
            discount_cents=101,
            total_cents=2399,
            payment_type=PaymentType.WALLET,
        ),
        order_items=[
            OrderItem(order_item_id=f"{order_id}-1", order_id=order_id, product_id=1, quantity=2, price_cents=1000),
            OrderItem(order_item_id=f"{order_id}-2", order_id=order_id, product_id=60, quantity=1, price_cents=500),
        ],
        delivery=Delivery(
            delivery_id=order_id,
            order_id=order_id,
            courier_id=courier_id,
            status=Status.PENDING,
            expected_time=at + timedelta(hours=6),
            actual_time=None,
        ),
    )


def stepped(
    order_id: int, status: Status, *, hours: float = 1, placed_at: datetime = PLACED_AT
) -> DeliveryUpdated | OrderCancelled:
    """A later step of an order, `hours` after it was placed."""
    at = placed_at + timedelta(hours=hours)
    arrived = at if status in (Status.DELIVERED, Status.RETURNED) else None
    kind = OrderCancelled if status == Status.CANCELLED else DeliveryUpdated
    return kind(
        event_id=f"{status}-{order_id}",
        event_time=at,
        order_id=order_id,
        order_time=placed_at,
        delivery=DeliveryStep(delivery_id=order_id, status=status, actual_time=arrived),
    )


def received(event_id: str, quantity: int = 10) -> StockReceived:
    """Goods of product 1 for warehouse 3."""
    return StockReceived(event_id=event_id, event_time=NOW, warehouse_id=3, product_id=1, quantity=quantity)


def records(values: Iterable[Event | bytes | None], first_offset: int = 0) -> list[Record]:
    """Kafka records with consecutive offsets; an event is encoded, bytes are taken as they are."""
    made = []
    for offset, value in enumerate(values, first_offset):
        is_event = value is not None and not isinstance(value, bytes)
        key = key_of(value) if is_event else b"key"
        made.append(Record(offset, int(NOW.timestamp() * 1000), key, encode(value) if is_event else value))
    return made
