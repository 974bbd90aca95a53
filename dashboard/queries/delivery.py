"""Promises kept and broken, and what is late at this instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from dashboard.queries.buckets import day_aligned, id_range, pieces
from dashboard.ranges import Window
from ecom_platform.contract import PaymentType, Status
from ecom_platform.kpi import Grain, field_key
from ecom_platform.kpi.figures import SMALLEST_SAMPLE, share
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_CUBE, ORDERS

__all__ = ["OpenOrders", "Promises", "open_orders", "promises", "promises_by_bucket"]

_OPEN = [Status.PENDING.value, Status.SHIPPED.value]


@dataclass(frozen=True)
class Promises:
    """Orders due and delivered by the promised time, of the bucket that starts `at` or of a whole window (None)."""

    due: int
    on_time: int
    at: datetime | None = None

    @property
    def on_time_share(self) -> float | None:
        """0 to 1; None when nothing was due."""
        return share(self.on_time, self.due)

    @property
    def late(self) -> int:
        """Orders that missed their promise, whether they arrived since or not."""
        return self.due - self.on_time

    @property
    def enough(self) -> bool:
        """Whether enough orders were due for the share to mean something."""
        return self.due >= SMALLEST_SAMPLE


@dataclass(frozen=True)
class OpenOrders:
    """Orders neither delivered nor cancelled, and those of them whose promised time has passed."""

    open: int
    late: int


def promises(db: MongoDatabase, window: Window) -> Promises:
    """Sums over `window`, whose end must be a closed half hour (a promise of the future is not due)."""
    rows = _promise_rows(db, pieces(window, Grain.HALF_HOUR), None)
    return Promises(rows[0]["due"], rows[0]["on_time"]) if rows else Promises(0, 0)


def promises_by_bucket(db: MongoDatabase, window: Window, grain: Grain) -> list[Promises]:
    """The closed half hours, or complete days, of `window` in which anything was due, in order of time."""
    end = day_aligned(window.end) if grain is Grain.DAY else window.end
    parts = [(grain, window.until(end))] if window.start < end else []
    rows = sorted(_promise_rows(db, parts, "$t"), key=itemgetter("_id"))
    return [Promises(row["due"], row["on_time"], row["_id"]) for row in rows]


def open_orders(db: MongoDatabase, now: datetime) -> OpenOrders:
    """Count open and late orders at `now` on the index of open orders; due at this very instant is not late."""
    is_open: dict[str, Any] = {"delivery.status": {"$in": _OPEN}}
    counted = {"$sum": {"$cond": [{"$lt": ["$delivery.expected_time", now]}, 1, 0]}}
    # Only the two indexed fields are named, so that the count never leaves the index.
    fields = {"_id": 0, "delivery.status": 1, "delivery.expected_time": 1}
    group = {"_id": None, "open": {"$sum": 1}, "late": counted}
    rows = list(db[ORDERS].aggregate([{"$match": is_open}, {"$project": fields}, {"$group": group}]))
    return OpenOrders(rows[0]["open"], rows[0]["late"]) if rows else OpenOrders(0, 0)


def _promise_rows(db: MongoDatabase, parts: list[tuple[Grain, Window]], group_by: str | None) -> list[dict[str, Any]]:
    if not parts:
        return []
    ranges = [{"_id": id_range(grain, part, f"D/{grain.label}/")} for grain, part in parts]
    sums = {
        name: {"$sum": {"$sum": [f"$payment.{field_key(payment)}.{name}" for payment in PaymentType]}}
        for name in ("due", "on_time")
    }
    return list(db[KPI_CUBE].aggregate([{"$match": {"$or": ranges}}, {"$group": {"_id": group_by, **sums}}]))
