"""Instants as milliseconds since 1970, as Kafka, Spark and the simulator have them, and days. UTC throughout."""

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


def midnight(instant: datetime) -> datetime:
    """The first instant of the UTC day that a time in UTC lies in."""
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def start_of(day: str) -> datetime:
    """The first instant of a UTC day, YYYY-MM-DD."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def day_range(day: str) -> tuple[datetime, datetime]:
    """The first instant of a UTC day and of the next one."""
    return start_of(day), start_of(day) + timedelta(days=1)
