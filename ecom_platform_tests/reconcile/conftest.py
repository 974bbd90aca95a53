"""A small shop whose events go through a real topic and the stream's own sink, with a ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer
from msgspec.structs import replace

from ecom_platform.contract import (
    Delivery,
    EventType,
    Order,
    OrderItem,
    OrderPlaced,
    PaymentType,
    Status,
    StockReceived,
)
from ecom_platform.kafka.client import python_options
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.reconcile import Report, reconcile
from ecom_platform.settings import Settings
from ecom_platform.simulator.emission import Emission, message_of
from ecom_platform.simulator.ledger import Ledger
from ecom_platform.store import MongoDatabase, ensure_schema, read_dimensions
from ecom_platform.streaming.fence import take_partitions
from ecom_platform.streaming.sink import Sink
from ecom_platform_tests.streaming.events import stepped
from ecom_platform_tests.streaming.streams import read_records

ORDERS = 60


@dataclass
class World:
    """A topic, a store and a ledger."""

    settings: Settings
    db: MongoDatabase
    producer: KafkaProducer
    start: datetime
    token: int = 0

    def send(self, messages: Iterable[Emission], *, answers: bool = True, in_ledger: bool = True) -> None:
        """Send messages; without `answers` the ledger does not know whether they arrived."""
        messages = list(messages)
        with Ledger(self.settings.home / "ledger") as ledger:
            numbers = ledger.attempt(messages) if in_ledger else range(0)
            sent = [self.producer.send(self.settings.topic, message.value, message.key) for message in messages]
            self.producer.flush()
            places = [future.get(10) for future in sent]
            if answers and in_ledger:
                ledger.acked(
                    (number, place.partition, place.offset) for number, place in zip(numbers, places, strict=True)
                )

    def claim(self, messages: Iterable[Emission], offset: int) -> None:
        """Write into the ledger that messages were acknowledged which were never sent."""
        messages = list(messages)
        with Ledger(self.settings.home / "ledger") as ledger:
            ledger.acked((number, 0, offset + number) for number in ledger.attempt(messages))

    def attempt(self, messages: Iterable[Emission]) -> None:
        """Write into the ledger that messages were about to be sent."""
        with Ledger(self.settings.home / "ledger") as ledger:
            ledger.attempt(messages)

    def consume(self) -> None:
        """Apply everything that is in the topic, as a task of the stream does."""
        self.token += 1
        with TopicReader(self.settings) as reader:
            state = reader.state()
            positions = take_partitions(self.db, state, self.token, reader.ends)
        tables = read_dimensions(self.db)
        with self.db.client.start_session() as session:
            for partition, start in positions.items():
                records = read_records(self.settings, partition, start, state.end[partition])
                history = self.settings.history_start_time
                sink = Sink(self.db, session, self.settings.topic, partition, self.token, tables, history_start=history)
                position = start
                for first in range(0, len(records), 50):
                    position = sink.commit(position, records[first : first + 50])

    def report(self) -> Report:
        """Reconcile as it stands."""
        return reconcile(self.settings, self.db)

    def placed(self, number: int) -> Emission:
        """An order of two lines, with a discount."""
        at = self.start + timedelta(seconds=30 * number)
        lines = [
            OrderItem(order_item_id=f"{number}-{line}", order_id=number, product_id=40 + 7 * line, quantity=line,
                      price_cents=1_000 + number)
            for line in (1, 2)
        ]  # fmt: skip
        subtotal = 3 * (1_000 + number)
        order = Order(order_id=number, user_id=1 + number % 5, warehouse_id=1 + number % 3, order_time=at, quantity=3,
                      subtotal_cents=subtotal, discount_cents=number, total_cents=subtotal - number,
                      payment_type=list(PaymentType)[number % 4])  # fmt: skip
        delivery = Delivery(delivery_id=number, order_id=number, courier_id=1 + number % 4, status=Status.PENDING,
                            expected_time=at + timedelta(hours=2), actual_time=None)  # fmt: skip
        event = OrderPlaced(event_id=f"p{number}", event_time=at, order_id=number, order=order, order_items=lines,
                            delivery=delivery)  # fmt: skip
        return message_of(event, EventType.ORDER_PLACED, 0)

    def step(self, number: int, status: Status) -> Emission:
        """A later step of an order."""
        placed_at = self.start + timedelta(seconds=30 * number)
        event = stepped(number, status, hours=list(Status).index(status) / 2, placed_at=placed_at)
        is_cancelled = status is Status.CANCELLED
        return message_of(event, EventType.ORDER_CANCELLED if is_cancelled else EventType.DELIVERY_UPDATED, 0)

    def stock(self, number: int) -> Emission:
        """A delivery to a warehouse."""
        event = StockReceived(
            event_id=f"s{number}", event_time=self.start, warehouse_id=1, product_id=number, quantity=number
        )
        return message_of(event, EventType.STOCK_RECEIVED, 0)

    def broken(self, number: int) -> Emission:
        """An order without its end."""
        whole = self.placed(number)
        assert whole.value is not None
        return replace(whole, value=whole.value[:100], total_cents=None, fault="malformed", expected="dead:bad_json")

    def misdated(self, number: int) -> Emission:
        """A step that names another second than its order's."""
        step = self.step(number, Status.SHIPPED)
        fields = json.loads(step.value or b"")
        fields["order_time"] = (self.start + timedelta(seconds=30 * number + 1)).isoformat()
        value = json.dumps(fields).encode()
        return replace(step, value=value, fault="malformed", expected="dead:order_time_mismatch")

    def repeated(self, message: Emission) -> Emission:
        """A message once more."""
        return replace(message, total_cents=None, fault="duplicated", expected="duplicate")

    def shop(self) -> list[Emission]:
        """Orders in every state, two receipts, and some of every fault."""
        numbers = range(1, ORDERS + 1)
        return [
            *(self.placed(number) for number in numbers),
            *(self.broken(number) for number in range(1, 8)),
            *(self.step(number, Status.SHIPPED) for number in numbers if number % 5),
            *(self.repeated(self.placed(number)) for number in range(1, 5)),
            *(self.step(number, Status.DELIVERED) for number in numbers if number % 5 > 1),
            *(self.step(number, Status.RETURNED) for number in numbers if number % 5 == 4),
            *(self.step(number, Status.CANCELLED) for number in numbers if number % 10 == 0),
            *(self.repeated(self.step(number, Status.SHIPPED)) for number in (1, 2)),
            self.stock(47),
            self.stock(54),
        ]


def broken(report: Report) -> dict[str, str]:
    """The equations that do not hold, with their details."""
    return {equation.name: equation.detail for equation in report.equations if equation.holds is False}


@pytest.fixture
def world(settings: Settings, db: MongoDatabase, topic: str) -> Iterator[World]:
    """An empty topic, an empty store with its schema, a running producer."""
    assert settings.topic == topic
    ensure_schema(db)
    producer = KafkaProducer(**python_options(settings), acks="all")
    # Over midnight, so that an order's steps fall on another day.
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yield World(settings, db, producer, today - timedelta(minutes=15))
    producer.close()
