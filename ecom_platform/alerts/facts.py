"""What the alert rules look at: the figures of one instant, already summed. No I/O.

Two things produce facts: `reader` from MongoDB, and the shop in memory that scores the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ecom_platform.contract.times import midnight
from ecom_platform.kpi.figures import half_hour

BUCKET: Final = timedelta(minutes=5)
HALF_HOUR: Final = timedelta(minutes=30)
YOUNGEST: Final = timedelta(seconds=10)
"""An order may reach the rollups a moment after the instant they are said to describe."""
OLDEST: Final = timedelta(minutes=30)
TREND_DAYS: Final = 7

Span = tuple[datetime, datetime]
"""`[from, to)`."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Five minutes from `start`: orders by the time they were placed, events by their time in Kafka.

    `booked_cents` has cancelled orders in, or an hour would lose value while it grows old.
    """

    start: datetime
    orders: int = 0
    booked_cents: int = 0
    events: int = 0
    dead: int = 0

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.start + BUCKET


@dataclass(frozen=True, slots=True)
class Usual:
    """One half hour of the day as it was on earlier days; days without an order in it are left out."""

    orders: tuple[int, ...] = ()
    booked_cents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Promises:
    """Orders that were due, and those of them that missed their promise, whether they arrived since or not."""

    due: int = 0
    late: int = 0

    def __add__(self, other: Promises) -> Promises:
        return Promises(self.due + other.due, self.late + other.late)


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at the shop.

    Attributes:
        now: the instant of the look, to the millisecond.
        as_of: the instant the figures describe; None before anything was applied.
        loading: past days are still being filled in, so that nothing can be compared with them.
        buckets: closed and not judged before, in order of time.
        usual: by the start of each half hour that the buckets lie in.
        promises: by courier, over the last closed half hour and what is due of the current one.
        usual_promises: by courier, over `promise_days` complete days.
        empty_shelves: product → (warehouses that have none of it to sell, warehouses that hold it), where any has none.
        oversold: (warehouse, product) → units sold beyond the shelf.
    """

    now: datetime
    as_of: datetime | None
    loading: bool = False
    buckets: tuple[Bucket, ...] = ()
    usual: Mapping[datetime, Usual] = field(default_factory=dict)
    promises: Mapping[int, Promises] = field(default_factory=dict)
    usual_promises: Mapping[int, Promises] = field(default_factory=dict)
    promise_days: int = 0
    empty_shelves: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    oversold: Mapping[tuple[int, int], int] = field(default_factory=dict)


def closed_buckets(now: datetime, as_of: datetime | None, judged_until: datetime | None) -> Span:
    """The span of the buckets to judge: complete in the figures, young enough to act on, not judged before.

    What is closed follows the figures' own clock, so that a stream that is behind does not look like a shop without
    customers.
    """
    if as_of is None:
        return now, now
    end = _bucket_start(min(as_of - YOUNGEST, now))
    start = _bucket_start(now - OLDEST) + BUCKET
    if judged_until is not None:
        start = max(start, judged_until)
    return min(start, end), end


def earlier_half_hours(span: Span) -> dict[datetime, list[datetime]]:
    """By the start of each half hour in `span`: the same half hour on the days before, the last day first."""
    if span[0] >= span[1]:
        return {}
    wanted = [half_hour(span[0])]
    while wanted[-1] + HALF_HOUR < span[1]:
        wanted.append(wanted[-1] + HALF_HOUR)
    return {one: [one - timedelta(days=day) for day in range(1, TREND_DAYS + 1)] for one in wanted}


def earlier_days(now: datetime) -> list[datetime]:
    """The midnights (UTC) that begin the complete days before `now`, the last day first."""
    return [midnight(now) - timedelta(days=day) for day in range(1, TREND_DAYS + 1)]


def _bucket_start(instant: datetime) -> datetime:
    seconds = int(instant.timestamp()) // 300 * 300
    return datetime.fromtimestamp(seconds, UTC)
