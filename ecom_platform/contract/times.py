"""Instants as milliseconds since 1970, the form they have in Kafka, in Spark and in the simulator. UTC throughout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_milliseconds(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware UTC time."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def to_milliseconds(time: datetime) -> int:
    """An aware time as milliseconds since 1970, rounded down."""
    return (time - EPOCH) // timedelta(milliseconds=1)


def in_milliseconds(when: datetime) -> datetime:
    """Return `when` in UTC without the microseconds that MongoDB would drop: memory and store must agree."""
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    surplus = when.microsecond % 1000
    return when.replace(microsecond=when.microsecond - surplus) if surplus else when
