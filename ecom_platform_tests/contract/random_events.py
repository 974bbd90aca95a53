"""Random valid events, made with plain arithmetic rather than with the code under test."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

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
)
from ecom_platform_tests.contract.wire import KAFKA_TIME

TEXTS = (
    "a",
    "0190-1",
    "Ünïcödé",
    "日本",
    "😀",
    'quote " and \\',
    "\0",
    "x" * 200,
    "2026-11-23T12:00:00.123000Z",
    '_time":"2026-11-23T12:00:00.123000Z"',
)


def moment(chance: random.Random, days_back: int = 300) -> datetime:
    """A time in the past, in milliseconds; every tenth one has none, every tenth of those is midnight."""
    when = KAFKA_TIME - timedelta(milliseconds=chance.randrange(days_back * 86_400_000))
    if chance.random() < 0.1:
        when = when.replace(microsecond=0)
        if chance.random() < 0.1:
            when = when.replace(hour=0, minute=0, second=0)
    return when


def placed(chance: random.Random) -> OrderPlaced:
    """An order of 1 to 6 lines; every fourth is free of charge in part or whole."""
    order_id = chance.randint(1, 2**53 - 1)
    lines = [
        OrderItem(
            order_item_id=f"{chance.choice(TEXTS)[:190]}-{number}",
            order_id=order_id,
            product_id=chance.randint(1, 500),
            quantity=chance.randint(1, 9),
            price_cents=0 if chance.random() < 0.25 else chance.randint(1, 100_000),
        )
        for number in range(chance.randint(1, 6))
    ]
    subtotal = 0
    for line in lines:
        subtotal += line.quantity * line.price_cents
    discount = chance.choice((0, subtotal, chance.randint(0, subtotal)))
    at = moment(chance)
    return OrderPlaced(
        event_id=chance.choice(TEXTS),
        event_time=moment(chance),
        order_id=order_id,
        order=Order(
            order_id=order_id,
            user_id=chance.randint(1, 5_000),
            warehouse_id=chance.randint(1, 6),
            order_time=at,
            quantity=sum(line.quantity for line in lines),
            subtotal_cents=subtotal,
            discount_cents=discount,
            total_cents=subtotal - discount,
            payment_type=chance.choice(list(PaymentType)),
        ),
        order_items=lines,
        delivery=Delivery(
            delivery_id=chance.randint(1, 2**53 - 1),
            order_id=order_id,
            courier_id=chance.randint(1, 24),
            status=Status.PENDING,
            expected_time=at + timedelta(milliseconds=chance.randrange(200_000_000)),
            actual_time=None,
        ),
    )


def step(chance: random.Random) -> DeliveryUpdated | OrderCancelled:
    """A step of any kind, dated by a clock that is up to five minutes behind its order's."""
    status = chance.choice(list(Status))
    order_time = moment(chance)

    def later() -> datetime:
        since = (KAFKA_TIME - order_time) // timedelta(milliseconds=1)
        return order_time + timedelta(milliseconds=chance.randint(-300_000, since))

    arrived = later() if status in (Status.DELIVERED, Status.RETURNED) else None
    kind = OrderCancelled if status == Status.CANCELLED else DeliveryUpdated
    return kind(
        event_id=chance.choice(TEXTS),
        event_time=later(),
        order_id=chance.randint(1, 2**53 - 1),
        order_time=order_time,
        delivery=DeliveryStep(delivery_id=chance.randint(1, 99), status=status, actual_time=arrived),
    )


def received(chance: random.Random) -> StockReceived:
    """Goods for any warehouse."""
    return StockReceived(
        event_id=chance.choice(TEXTS),
        event_time=moment(chance),
        warehouse_id=chance.randint(1, 6),
        product_id=chance.randint(1, 500),
        quantity=chance.randint(1, 1_000_000),
    )


def any_event(chance: random.Random) -> Event:
    """An event of any of the four kinds."""
    return chance.choice((placed, placed, step, received))(chance)
