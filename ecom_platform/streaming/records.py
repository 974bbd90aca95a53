"""Kafka records on their way through a task: as read, and as decoded."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecom_platform.contract import (
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    Decoded,
    Reason,
    Rejected,
    decode_with_extra,
)
from ecom_platform.contract.times import from_milliseconds
from ecom_platform.store.transactions import in_batches

KEPT_BYTES = 65_536
"""Of the value of a message beyond the contract's limits; of its key at most as much."""

SENT_AT_ONCE = timedelta(seconds=60)
"""Between an event and Kafka's time of it: what is older was not sent as it happened, and says nothing of live ones."""

_LATEST_MILLISECONDS = 253_402_128_000_000  # 9999-12-30: a day later is still a date


@dataclass(frozen=True, slots=True)
class Cut:
    """What is known of a message beyond the contract's limits, of which only the beginning was kept.

    Attributes:
        key_bytes, value_bytes: what it had.
        sha256: of the whole value, hexadecimal.
    """

    key_bytes: int
    value_bytes: int
    sha256: str


@dataclass(slots=True)
class Record:
    """One Kafka record; `time_milliseconds` is its Kafka timestamp, `cut` is there when key or value are not whole.

    A producer may send any number as the timestamp. One that is no date is kept in `impossible_time`: the record is a
    dead letter, and its time is that of its reading, so that it stands among the others of now.
    """

    offset: int
    time_milliseconds: int
    key: bytes | None
    value: bytes | None
    cut: Cut | None = None
    impossible_time: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Keep the timestamp among the dates: one that is not would stop the stream at this record for ever."""
        if not 0 <= self.time_milliseconds <= _LATEST_MILLISECONDS:
            self.impossible_time = self.time_milliseconds
            self.time_milliseconds = time.time_ns() // 1_000_000

    @property
    def time(self) -> datetime:
        """The Kafka timestamp."""
        return from_milliseconds(self.time_milliseconds)


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
    _cut_oversized(record)
    if record.cut is not None:
        return _too_large(record.cut)
    if record.impossible_time is not None:
        told = f"the timestamp of the message is {record.impossible_time}: no date, in milliseconds since 1970"
        return Rejected(Reason.OUT_OF_RANGE, told)
    return decode_with_extra(record.value, record.time, history_start)


def _cut_oversized(record: Record) -> None:
    """Keep the beginning of a message beyond the limits: the stream's source does so, others may not have."""
    key, value = record.key or b"", record.value or b""
    if record.cut is None and (len(value) > MAX_VALUE_BYTES or len(key) > MAX_KEY_BYTES):
        record.cut = Cut(len(key), len(value), hashlib.sha256(value).hexdigest())
        record.key = None if record.key is None else key[:KEPT_BYTES]
        record.value = None if record.value is None else value[:KEPT_BYTES]


def _too_large(cut: Cut) -> Rejected:
    return Rejected(
        Reason.NOT_STORABLE,
        f"the message has {cut.value_bytes} bytes and a key of {cut.key_bytes}; at most {MAX_VALUE_BYTES} and "
        f"{MAX_KEY_BYTES} are taken. Its first {KEPT_BYTES} bytes are kept: it cannot be replayed.",
    )


def drop_before(records: Iterable[Record], offset: int) -> Iterator[Record]:
    """Skip what an earlier attempt of the task committed."""
    return (record for record in records if record.offset >= offset)


def chunks(records: Iterable[Record], most_events: int, most_bytes: int) -> Iterator[list[Record]]:
    """Cut records into chunks, one transaction each; a chunk holds at least one record."""
    return in_batches(records, _size_bytes, most_events, most_bytes)


def _size_bytes(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"")
