"""What is usual: the same half hours of the complete days before the one on screen. Pure, but for `read_usual`.

A half hour in which the whole shop placed no order is left out, as by the alert rules: most likely nothing was recorded
then, and it would make everything from nothing on usual. Nothing found by a filter in another half hour is a true zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal

from dashboard.queries.buckets import instants
from dashboard.queries.sales import data_start, sales_by_bucket
from dashboard.ranges import DAY, FEWEST_USUAL_DAYS, Window
from ecom_platform.contract.times import midnight
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_CUBE


@dataclass(frozen=True)
class Sold:
    """What was sold in one half hour: orders and booked value with cancelled orders, revenue without."""

    orders: int
    booked_cents: int
    revenue_cents: int


Measure = Literal["orders", "booked_cents", "revenue_cents"]
Usual = Mapping[datetime, Sold]
"""The half hours of complete days, by their start."""


@dataclass(frozen=True)
class UsualRange:
    """Lowest and highest over so many days; both ends are usual."""

    low: int
    high: int
    days: int

    def side(self, value: int) -> int:
        """-1: `value` lies below the range, 1: above it, 0: in it."""
        return (value > self.high) - (value < self.low)


def usual_by_bucket(usual: Usual, window: Window, measure: Measure) -> dict[datetime, UsualRange]:
    """The range of each half hour of the day `window`, where enough days know it."""
    midnights = _days(usual)
    found = {}
    for at in instants(window, Grain.HALF_HOUR):
        offset = at - window.start
        found[at] = _range([getattr(usual[day + offset], measure) for day in midnights if day + offset in usual])
    return {at: known for at, known in found.items() if known}


def usual_total(usual: Usual, window: Window, measure: Measure) -> UsualRange | None:
    """The range of the sum over `window`, a day or its first half hours; only days that know all of it count."""
    offsets = [at - window.start for at in instants(window, Grain.HALF_HOUR)]
    if not offsets:
        return None
    whole = [day for day in _days(usual) if all(day + offset in usual for offset in offsets)]
    return _range([sum(getattr(usual[day + offset], measure) for offset in offsets) for day in whole])


def read_usual(db: MongoDatabase, days: Window, filters: Filters, *, history_complete: bool = True) -> Usual:
    """The half hours of `days`, from the first day that the shop saw whole; nothing when those are too few."""
    start = data_start(db)
    if start is None or not history_complete:
        return {}
    first = max(days.start, midnight(start - timedelta(microseconds=1)) + DAY)
    if days.end - first < FEWEST_USUAL_DAYS * DAY:
        return {}
    seen = Window(first, days.end)
    recorded = _recorded(db, seen)
    names = [field.name for field in fields(Sold)]
    return {
        bucket.at: Sold(*(sum(getattr(amounts, name) for amounts in bucket.by_payment.values()) for name in names))
        for bucket in sales_by_bucket(db, seen, Grain.HALF_HOUR, filters, names)
        if bucket.at in recorded
    }


def _recorded(db: MongoDatabase, window: Window) -> set[datetime]:
    """The half hours with at least one order, without the filters; read from the index alone."""
    half_hours = {"basis": "P", "grain": Grain.HALF_HOUR.label, "t": {"$gte": window.start, "$lt": window.end}}
    return set(db[KPI_CUBE].distinct("t", half_hours))


def _days(usual: Usual) -> list[datetime]:
    return sorted({midnight(at) for at in usual})


def _range(values: Sequence[int]) -> UsualRange | None:
    return UsualRange(min(values), max(values), len(values)) if len(values) >= FEWEST_USUAL_DAYS else None
