"""Apply the late events of one order to it, as the stream would have done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ecom_platform.contract import (
    Decoded,
    DeliveryUpdated,
    OrderCancelled,
    Reason,
    Rejected,
    decode_with_extra,
)
from ecom_platform.contract.times import to_milliseconds
from ecom_platform.store.client import Document
from ecom_platform.streaming.fold import APPLIED, DEAD, DUPLICATE, take_step
from ecom_platform.streaming.records import Record


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one late event; `rejected` when it is a dead letter."""

    event: Document
    name: str
    rejected: Rejected | None = None


@dataclass(frozen=True, slots=True)
class AppliedLate:
    """An order before and after its late events, and what became of each of them."""

    before: Document
    after: Document
    outcomes: tuple[Outcome, ...]

    @property
    def changed(self) -> bool:
        """Whether any event was applied."""
        return self.after is not self.before


def apply_late_events(
    order: Document, events: Iterable[Document], history_start: datetime, refused: Mapping[str, str] | None = None
) -> AppliedLate:
    """Apply the events in the order of their offsets.

    Args:
        events: late events of this order, as they are stored.
        history_start: as the stream decodes with.
        refused: events, by id, whose outcome MongoDB could not store, with its error.
    """
    refused = refused or {}
    after, outcomes = order, []
    for event in in_offset_order(events):
        taken: Document | Rejected | None
        if event["_id"] in refused:
            taken = Rejected(Reason.NOT_STORABLE, f"MongoDB refused the order: {refused[event['_id']]}")
        else:
            taken = _take(after, event, history_start)
        if taken is None:
            outcomes.append(Outcome(event, DUPLICATE))
        elif isinstance(taken, Rejected):
            outcomes.append(Outcome(event, DEAD, taken))
        else:
            after = taken
            outcomes.append(Outcome(event, APPLIED))
    return AppliedLate(order, after, tuple(outcomes))


def in_offset_order(events: Iterable[Document]) -> list[Document]:
    """Late events as the topic has them; all of an order are in one partition."""
    return sorted(events, key=lambda event: (event["topic"], event["partition"], event["offset"]))


def day_of(event: Document, history_start: datetime) -> str | None:
    """The day its order was placed on, if the late event says it."""
    decoded = _decode(event, history_start)
    if isinstance(decoded, Rejected) or not isinstance(decoded.event, DeliveryUpdated | OrderCancelled):
        return None
    return f"{decoded.event.order_time.astimezone(UTC):%Y-%m-%d}"


def record_of(event: Document) -> Record:
    """The Kafka record that became a late event."""
    milliseconds = to_milliseconds(event["kafka_time"])
    key, raw = event["key"], event["raw"]
    return Record(
        event["offset"], milliseconds, None if key is None else bytes(key), None if raw is None else bytes(raw)
    )


def _take(order: Document, event: Document, history_start: datetime) -> Document | Rejected | None:
    decoded = _decode(event, history_start)
    if isinstance(decoded, Rejected):
        return decoded
    if not isinstance(decoded.event, DeliveryUpdated | OrderCancelled):
        return None  # a placement repeats what the order is; the stream sets only steps aside
    return take_step(order, decoded.event, decoded.extra)


def _decode(event: Document, history_start: datetime) -> Decoded | Rejected:
    record = record_of(event)
    return decode_with_extra(record.value, record.time, history_start)
