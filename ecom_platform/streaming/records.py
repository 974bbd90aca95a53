"""Kafka records on their way through a task: as read, and as decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecom_platform.contract import (
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    Decoded,
    Reason,
    Rejected,
    decode_with_extra,
)
from ecom_platform.store.transactions import in_batches

__all__ = ["KEPT_BYTES", "Cut", "DecodedRecord", "Record", "chunks", "decode_records", "drop_before"]

KEPT_BYTES = 65_536
"""Of the value of a message beyond the contract's limits; of its key at most as much."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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

    A producer may send any number as the timestamp; one that is no date counts as the first or last possible one.
    """

    offset: int
    time_milliseconds: int
    key: bytes | None
    value: bytes | None
    cut: Cut | None = None

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


def decode_records(records: Iterable[Record], history_start: datetime) -> list[DecodedRecord]:
    """Decode and check each record."""
    return [DecodedRecord(record, _decode(record, history_start)) for record in records]


def _decode(record: Record, history_start: datetime) -> Decoded | Rejected:
    _cut_oversized(record)
    if record.cut is not None:
        return _too_large(record.cut)
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
