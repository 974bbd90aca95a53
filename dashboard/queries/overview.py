"""The figures of the Overview page, one function per panel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.queries.delivery import Open, Promises, open_orders, promises, promises_by_bucket
from dashboard.queries.sales import Amounts, Bucket, data_start, sales, sales_by_bucket
from dashboard.ranges import Span
from dashboard.selection import PROMISED, honoured
from ecom_platform.contract import Status
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain
from ecom_platform.kpi.figures import change, difference
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import ORDERS


@dataclass(frozen=True)
class Tiles:
    """Everything the row of tiles shows; `before` is None when there is no complete baseline.

    `promises` and `open` are None while a history is being loaded: any order of the past could change them.
    """

    sales: Amounts
    current: Amounts
    before: Amounts | None
    promises: Promises | None
    promises_before: Promises | None
    open: Open | None
    promise_buckets: list[Promises]

    @property
    def booked_change(self) -> float | None:
        """Booked value, cancelled orders in on both sides: today's orders had less time to be cancelled."""
        return change(self.current.booked_cents, self.before.booked_cents) if self.before else None

    @property
    def orders_change(self) -> float | None:
        """Orders placed."""
        return change(self.current.orders, self.before.orders) if self.before else None

    @property
    def average_change(self) -> float | None:
        """Booked value per order placed."""
        if not self.before:
            return None
        return change(self.current.average_booked_cents or 0, self.before.average_booked_cents or 0)

    @property
    def units_change(self) -> float | None:
        """Units of orders that are not cancelled (there is no booked number of units)."""
        return change(self.current.units, self.before.units) if self.before else None

    @property
    def on_time_difference(self) -> float | None:
        """Difference of the on-time shares, 0.01 = one percentage point."""
        now, before = self.promises, self.promises_before
        return difference(now.on_time_share, before.on_time_share) if now and before else None


@dataclass(frozen=True)
class RevenueLine:
    """What was sold per bucket; `earlier` is the line to compare with, at its own times (empty: none kept).

    Of the earlier buckets only the revenue is sure to be read.
    """

    grain: Grain
    closed: list[Bucket]
    running: Bucket | None
    earlier: list[Bucket]
    starts_at: datetime | None

    @property
    def buckets(self) -> list[Bucket]:
        """The closed ones and the one still running."""
        return [*self.closed, self.running] if self.running else self.closed


@dataclass(frozen=True)
class LastOrder:
    """One order as it stands now."""

    order_id: int
    order_time: datetime
    total_cents: int
    units: int
    payment: str
    city: str
    status: Status


def tiles(db: MongoDatabase, span: Span, filters: Filters, now: datetime, *, history_complete: bool = True) -> Tiles:
    """Totals and the comparison of `span`, read at `now`.

    There is nothing to compare with while the baseline is still being loaded, or when it began before the shop did.
    """
    grain, comparison, start = span.grain, span.comparison, data_start(db)
    comparable = history_complete and is_covered(span, start)
    kept = honoured(filters, PROMISED)
    before = span.promises_before
    return Tiles(
        sales=sales(db, span.window, grain, filters),
        current=sales(db, comparison.current, grain, filters),
        before=sales(db, comparison.baseline, grain, filters) if comparable else None,
        promises=promises(db, span.promises, kept) if history_complete else None,
        promises_before=promises(db, before, kept) if comparable and before else None,
        open=open_orders(db, now, kept) if history_complete else None,
        promise_buckets=promises_by_bucket(db, span.promises, grain, kept) if history_complete else [],
    )


def revenue_line(
    db: MongoDatabase, span: Span, filters: Filters, now: datetime, *, history_complete: bool = True
) -> RevenueLine:
    """The revenue chart: complete buckets, the one still running, and the same buckets a day or a range earlier."""
    buckets = sales_by_bucket(db, span.window, span.grain, filters)
    start = data_start(db)
    closed = _complete(buckets, span.grain, start, now)
    running = next((bucket for bucket in buckets if bucket.at <= now < bucket.at + _length(span.grain)), None)
    earlier: list[Bucket] = []
    if span.earlier is not None and start is not None and history_complete:
        before = sales_by_bucket(db, span.window.shifted(span.earlier), span.grain, filters, only=("revenue_cents",))
        earlier = _complete(before, span.grain, start, now)
    return RevenueLine(span.grain, closed, running, earlier, start)


def last_orders(db: MongoDatabase, now: datetime, limit: int = 10) -> list[LastOrder]:
    """The orders placed last before `now`, newest first (a producer with a fast clock does not fill the list)."""
    shown = {"order_time": 1, "total_cents": 1, "quantity": 1, "payment_type": 1, "user_city": 1, "delivery.status": 1}
    rows = db[ORDERS].find({"order_time": {"$lte": now}}, shown).sort("order_time", -1).limit(limit)
    return [
        LastOrder(
            row["_id"],
            row["order_time"],
            row["total_cents"],
            row["quantity"],
            row["payment_type"],
            row["user_city"],
            Status(row["delivery"]["status"]),
        )
        for row in rows
    ]


def is_covered(span: Span, start: datetime | None) -> bool:
    """Whether the shop, whose data begin at `start`, saw the whole baseline of `span`."""
    comparison = span.comparison
    return (
        start is not None and start <= comparison.baseline.start and comparison.current.start < comparison.current.end
    )


def _complete(buckets: list[Bucket], grain: Grain, start: datetime | None, now: datetime) -> list[Bucket]:
    """The buckets that are over, from the first order on: before it nothing was sold because nothing was recorded."""
    if start is None:
        return []
    length = _length(grain)
    return [bucket for bucket in buckets if start < bucket.at + length <= now]


def _length(grain: Grain) -> timedelta:
    return timedelta(seconds=grain.seconds)
