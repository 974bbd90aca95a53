"""Days gone by: sales per day against the days before, and the hours of the last week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.queries.sales import Bucket, data_start, sales_by_bucket
from dashboard.ranges import DAY, Preset, Span, Window
from ecom_platform.contract.times import midnight
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain
from ecom_platform.store import Loading
from ecom_platform.store.client import MongoDatabase

LONG_RANGES = (Preset.WEEK, Preset.MONTH, Preset.DAYS)
_HALF_HOURS_PER_HOUR = 2


@dataclass(frozen=True)
class Days:
    """Whole UTC days; `before` are as many days right before them, from the first order on."""

    window: Window
    buckets: Sequence[Bucket]
    before: Sequence[Bucket]


@dataclass(frozen=True)
class Hour:
    """Orders placed in the hour that starts `at`; None: it has not begun, or nothing was recorded yet."""

    at: datetime
    orders: int | None


def days_of(span: Span, now: datetime) -> Window:
    """The days that History shows: those chosen, and the last 30 when no more than one was."""
    if span.preset in LONG_RANGES:
        return span.window
    today = midnight(now)
    return Window(today - 29 * DAY, today + DAY)


def daily(db: MongoDatabase, window: Window, filters: Filters) -> Days:
    """Sales per day of `window`, and of as many days before it."""
    length, begun = window.end - window.start, data_start(db)
    before = sales_by_bucket(db, window.shifted(length), Grain.DAY, filters) if begun else []
    return Days(
        window,
        sales_by_bucket(db, window, Grain.DAY, filters),
        [bucket for bucket in before if begun and bucket.at + DAY > begun],
    )


def week_hours(db: MongoDatabase, now: datetime, filters: Filters, loading: Loading | None = None) -> list[Hour]:
    """The hours of the last seven UTC days with today, in order; of a history being loaded those that are known."""
    today, begun = midnight(now), data_start(db)
    week = Window(today - 6 * DAY, today + DAY)
    if begun and loading:
        begun = max(begun, week.since(loading.known_from, Grain.HOUR).start)
    halves = sales_by_bucket(db, week, Grain.HALF_HOUR, filters)
    hours = [halves[n : n + _HALF_HOURS_PER_HOUR] for n in range(0, len(halves), _HALF_HOURS_PER_HOUR)]
    return [
        Hour(hour[0].at, sum(half.total.orders for half in hour) if _is_known(hour[0].at, begun, now) else None)
        for hour in hours
    ]


def _is_known(at: datetime, begun: datetime | None, now: datetime) -> bool:
    return begun is not None and begun < at + timedelta(hours=1) and at <= now
