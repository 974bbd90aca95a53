"""Fold a chunk of decoded records, in offset order, into the writes of one transaction. Pure: no server, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecom_platform.contract import (
    Decoded,
    DeliveryUpdated,
    EventType,
    OrderCancelled,
    OrderPlaced,
    Reason,
    Rejected,
    Status,
    Step,
    StockReceived,
    judge_step,
)
from ecom_platform.contract.times import in_milliseconds
from ecom_platform.kpi import Rollups, accumulate, accumulate_receipt
from ecom_platform.store import DimensionTables
from ecom_platform.store.archived import Archived
from ecom_platform.store.client import Document
from ecom_platform.streaming.enrich import apply_step, stored_order
from ecom_platform.streaming.records import DecodedRecord, Record

APPLIED, DUPLICATE, DEAD, LATE = "applied", "duplicate", "dead", "late"

ROUNDING = timedelta(milliseconds=1)
"""By how much an update's `order_time` may differ from its order's: one writer rounds what another one cuts."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store already holds of the things a chunk speaks about.

    Attributes:
        orders: stored orders by id; an id that is neither here nor in `archived` was never placed.
        receipts: ids of stock receipts that were already counted.
        dead_offsets, late_offsets: offsets of this chunk that are dead letters, or late events, from an earlier
            reading; they keep that outcome.
        archived: orders that are not stored here, because the archive has them.
        waiting: orders with late events that are not yet applied, and the run those were meant for. Their further
            events are late as well, or they would overtake the first.
        topic_id: of the topic that is read; offsets of another one say nothing about it.
    """

    orders: Mapping[int, Document]
    receipts: Collection[str] = ()
    dead_offsets: Collection[int] = ()
    late_offsets: Collection[int] = ()
    archived: Mapping[int, Archived] = field(default_factory=dict)
    waiting: Mapping[int, str] = field(default_factory=dict)
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """A stored order that changed: replaces the delivery of the document at `before_version`."""

    order_id: int
    before_version: int
    after: Document


@dataclass(frozen=True, slots=True)
class Late:
    """An event that waits until its order is brought back from `run` of the archive."""

    record: Record
    order_id: int
    event_type: str
    run: str


@dataclass(slots=True)
class ChunkWrites:
    """Everything one chunk writes, beside the offsets themselves."""

    inserts: list[Document] = field(default_factory=list)
    updates: list[OrderUpdate] = field(default_factory=list)
    receipts: list[Document] = field(default_factory=list)
    dead_letters: list[tuple[Record, Rejected]] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    rollups: Rollups = field(default_factory=Rollups)
    counters: dict[str, int] = field(default_factory=lambda: {APPLIED: 0, DUPLICATE: 0, DEAD: 0, LATE: 0})
    minutes: dict[int, dict[str, int]] = field(default_factory=dict)
    dead_flags: list[bool] = field(default_factory=list)
    touched_days: set[int] = field(default_factory=set)


def order_ids(records: Iterable[DecodedRecord]) -> list[int]:
    """Return the orders that the records speak about."""
    ids = {
        item.outcome.event.order_id
        for item in records
        if isinstance(item.outcome, Decoded) and not isinstance(item.outcome.event, StockReceived)
    }
    return sorted(ids)


def receipt_ids(records: Iterable[DecodedRecord]) -> list[str]:
    """Return the ids of the stock receipts among the records."""
    return [
        item.outcome.event.event_id
        for item in records
        if isinstance(item.outcome, Decoded) and isinstance(item.outcome.event, StockReceived)
    ]


def fold_chunk(
    records: Iterable[DecodedRecord], known: Known, tables: DimensionTables, topic: str, partition: int
) -> ChunkWrites:
    """Fold a chunk: an order that is placed and shipped within it is written once, in its last state."""
    return _Fold(known, tables, topic, partition).run(records)


def take_step(
    order: Document, event: DeliveryUpdated | OrderCancelled, extra: str | None
) -> Document | Rejected | None:
    """The order after a reported step: None when it took that step before, a Rejected when it cannot take it."""
    delivery, reported = order["delivery"], event.delivery
    if delivery["delivery_id"] != reported.delivery_id:
        error = f"order {event.order_id} has delivery {delivery['delivery_id']}, not {reported.delivery_id}"
        return Rejected(Reason.ID_MISMATCH, error)
    # Before repetitions are told: what an event is must not depend on the steps that were read before it.
    placed_at = in_milliseconds(event.order_time)
    if abs(order["order_time"] - placed_at) > ROUNDING:
        error = f"order {event.order_id} was placed at {order['order_time'].isoformat()}, not {placed_at.isoformat()}"
        return Rejected(Reason.ORDER_TIME_MISMATCH, error)
    seen = [step["status"] for step in delivery["history"]]
    verdict = judge_step(Status(delivery["status"]), seen, reported.status)
    if verdict is Step.REPEATED:
        return None
    if verdict is Step.ILLEGAL:
        error = f"order {event.order_id} is {delivery['status']} and cannot become {reported.status}"
        return Rejected(Reason.ILLEGAL_TRANSITION, error)
    return apply_step(order, event, extra)


def touched_days(after: Document, before: Document | None) -> set[int]:
    """The days (since 1970) whose KPIs the change touches: of the order, of its promise, and of its new steps."""
    known_steps = len(before["delivery"]["history"]) if before else 0
    moments: list[datetime] = [step["at"] for step in after["delivery"]["history"][known_steps:]]
    moments += (after["order_time"], after["delivery"]["expected_time"])
    return {int(moment.timestamp()) // 86_400 for moment in moments}


class _Fold:
    """State of one fold: orders as they stand after the records so far."""

    def __init__(self, known: Known, tables: DimensionTables, topic: str, partition: int) -> None:
        self._known = known
        self._tables = tables
        self._topic = topic
        self._partition = partition
        self._changed: dict[int, Document] = {}
        self._receipts: set[str] = set(known.receipts)
        self._writes = ChunkWrites()

    def run(self, records: Iterable[DecodedRecord]) -> ChunkWrites:
        for item in records:
            outcome, cents = self._apply(item)
            self._count(item.record, outcome, cents)
        self._finish()
        return self._writes

    def _apply(self, item: DecodedRecord) -> tuple[str, int]:
        record, decoded = item.record, item.outcome
        if record.offset in self._known.dead_offsets:
            return DEAD, 0
        if record.offset in self._known.late_offsets:
            return LATE, 0
        if isinstance(decoded, Rejected):
            return self._reject(record, decoded)
        event = decoded.event
        if isinstance(event, OrderPlaced):
            return self._place(record, event, decoded.extra)
        if isinstance(event, StockReceived):
            return self._receive(record, event, decoded.extra)
        return self._step(record, event, decoded.extra)

    def _place(self, record: Record, event: OrderPlaced, extra: str | None) -> tuple[str, int]:
        if self._current(event.order_id) is not None or event.order_id in self._known.archived:
            return DUPLICATE, 0
        source = {"partition": self._partition, "offset": record.offset}
        self._changed[event.order_id] = stored_order(event, extra, self._tables, source)
        return APPLIED, event.order.total_cents

    def _step(self, record: Record, event: DeliveryUpdated | OrderCancelled, extra: str | None) -> tuple[str, int]:
        order = self._current(event.order_id)
        if order is None:
            return self._step_of_absent(record, event)
        after = take_step(order, event, extra)
        if after is None:
            return DUPLICATE, 0
        run = self._known.waiting.get(event.order_id)
        if run is not None:
            return self._defer(record, event, run)
        if isinstance(after, Rejected):
            return self._reject(record, after)
        self._changed[event.order_id] = after
        return APPLIED, 0

    def _step_of_absent(self, record: Record, event: DeliveryUpdated | OrderCancelled) -> tuple[str, int]:
        """Of an order that is not stored here: archived, or never placed."""
        archived = self._known.archived.get(event.order_id)
        if archived is None:
            return self._reject(record, Rejected(Reason.UNKNOWN_ORDER, f"order {event.order_id} was never placed"))
        if archived.frontier.covers(self._known.topic_id, self._partition, record.offset):
            return DUPLICATE, 0
        return self._defer(record, event, archived.run)

    def _defer(self, record: Record, event: DeliveryUpdated | OrderCancelled, run: str) -> tuple[str, int]:
        kind = EventType.ORDER_CANCELLED if isinstance(event, OrderCancelled) else EventType.DELIVERY_UPDATED
        self._writes.late.append(Late(record, event.order_id, kind.value, run))
        return LATE, 0

    def _receive(self, record: Record, event: StockReceived, extra: str | None) -> tuple[str, int]:
        if event.event_id in self._receipts:
            return DUPLICATE, 0
        self._receipts.add(event.event_id)
        receipt: Document = {
            "_id": event.event_id,
            "warehouse_id": event.warehouse_id,
            "product_id": event.product_id,
            "quantity": event.quantity,
            "at": in_milliseconds(event.event_time),
            "src": {"partition": self._partition, "offset": record.offset},
        }
        self._writes.receipts.append(receipt if extra is None else {**receipt, "extra": extra})
        accumulate_receipt(self._writes.rollups, event.warehouse_id, event.product_id, event.quantity)
        return APPLIED, 0

    def _reject(self, record: Record, rejected: Rejected) -> tuple[str, int]:
        self._writes.dead_letters.append((record, rejected))
        return DEAD, 0

    def _current(self, order_id: int) -> Document | None:
        changed = self._changed.get(order_id)
        return changed if changed is not None else self._known.orders.get(order_id)

    def _count(self, record: Record, outcome: str, cents: int) -> None:
        self._writes.counters[outcome] += 1
        self._writes.dead_flags.append(outcome == DEAD)
        minute = self._writes.minutes.setdefault(record.time_milliseconds // 60_000, {})
        minute[outcome] = minute.get(outcome, 0) + 1
        if cents:
            minute["cents"] = minute.get("cents", 0) + cents

    def _finish(self) -> None:
        """Turn the changed orders into inserts, updates and the difference of their contributions."""
        writes = self._writes
        for order_id, after in self._changed.items():
            before = self._known.orders.get(order_id)
            if before is None:
                writes.inserts.append(after)
            else:
                writes.updates.append(OrderUpdate(order_id, before["version"], after))
                accumulate(writes.rollups, before, -1)
            accumulate(writes.rollups, after, 1)
            writes.touched_days.update(touched_days(after, before))
