"""Kafka records on their way through a task: as read, and as decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecom_platform.contract import Decoded, Reason, Rejected, decode_with_extra

__all__ = ["DecodedRecord", "Record", "chunks", "decode_records", "drop_before"]

MAX_VALUE_BYTES = 4_000_000
"""Above this an order with its unknown fields could reach the 16 MB limit of a MongoDB document."""

SENT_AT_ONCE = timedelta(seconds=60)
"""Between an event and Kafka's time of it: what is older was not sent as it happened, and says nothing of live ones."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MILLISECONDS = 253_402_128_000_000  # 9999-12-30: a day later is still a date


@dataclass(slots=True)
class Record:
    """One Kafka record; `time_milliseconds` is its Kafka timestamp.

    A producer may send any number as the timestamp; one that is no date counts as the first or last possible one.
    """

    offset: int
    time_milliseconds: int
    key: bytes | None
    value: bytes | None

    def __post_init__(self) -> None:
        """Keep the timestamp among the dates: one that is not would stop the stream at this record for ever."""
        if not 0 <= self.time_milliseconds <= _LATEST_MILLISECONDS:
            self.time_milliseconds = min(max(self.time_milliseconds, 0), _LATEST_MILLISECONDS)

    @property
    def time(self) -> datetime:
        """The Kafka timestamp."""
        return _EPOCH + timedelta(milliseconds=self.time_milliseconds)


@dataclass(slots=True)
class DecodedRecord:
    """A record and what decoding made of it."""

    record: Record
    outcome: Decoded | Rejected

    @property
    def was_sent_at_once(self) -> bool:
        """Whether it was sent when it happened: not out of a history, an import or a repair, and readable at all."""
        if isinstance(self.outcome, Rejected):
            return False
        return abs(self.record.time - self.outcome.event.event_time) <= SENT_AT_ONCE


def decode_records(records: Iterable[Record], history_start: datetime) -> list[DecodedRecord]:
    """Decode and check each record."""
    return [DecodedRecord(record, _decode(record, history_start)) for record in records]


def _decode(record: Record, history_start: datetime) -> Decoded | Rejected:
    if record.value is not None and len(record.value) > MAX_VALUE_BYTES:
        size = len(record.value)
        return Rejected(Reason.NOT_STORABLE, f"the message has {size} bytes, at most {MAX_VALUE_BYTES} are stored")
    return decode_with_extra(record.value, record.time, history_start)


def drop_before(records: Iterable[Record], offset: int) -> Iterator[Record]:
    """Skip what an earlier attempt of the task committed."""
    return (record for record in records if record.offset >= offset)


def chunks(records: Iterable[Record], most_events: int, most_bytes: int) -> Iterator[list[Record]]:
    """Cut records into chunks, one transaction each; a chunk holds at least one record."""
    chunk: list[Record] = []
    size = 0
    for record in records:
        length = len(record.value) if record.value is not None else 0
        if chunk and (len(chunk) >= most_events or size + length > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += length
    if chunk:
        yield chunk
