"""Kafka records on their way through a task: as read, and as decoded."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ecom_platform.contract import Decoded, Reason, Rejected, decode_with_extra

__all__ = ["DecodedRecord", "Record", "chunks", "decode_records", "drop_before"]

MAX_VALUE_BYTES = 4_000_000
"""Above this an order with its unknown fields could reach the 16 MB limit of a MongoDB document."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MILLISECONDS = 253_402_128_000_000  # 9999-12-30: a day later is still a date


@dataclass(slots=True)
class Record:
    """One Kafka record; `time_milliseconds` is its Kafka timestamp.

    A producer may send any number as the timestamp. One that is no date is kept in `impossible_time`: the record is a
    dead letter, and its time is that of its reading, so that it stands among the others of now.
    """

    offset: int
    time_milliseconds: int
    key: bytes | None
    value: bytes | None
    impossible_time: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Keep the timestamp among the dates: one that is not would stop the stream at this record for ever."""
        if not 0 <= self.time_milliseconds <= _LATEST_MILLISECONDS:
            self.impossible_time = self.time_milliseconds
            self.time_milliseconds = time.time_ns() // 1_000_000

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
    if record.impossible_time is not None:
        told = f"the timestamp of the message is {record.impossible_time}: no date, in milliseconds since 1970"
        return Rejected(Reason.OUT_OF_RANGE, told)
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
