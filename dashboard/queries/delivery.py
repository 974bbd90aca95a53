"""Promises kept and broken, what is open and late at this instant, and the steps of deliveries.

Every figure honours the warehouse, the courier and the payment type; none of them knows categories.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import itemgetter
from typing import Any

from dashboard.queries.buckets import cube, instants, of_orders, placed
from dashboard.ranges import Window
from ecom_platform.contract import OPEN_STATUSES, PaymentType, Status
from ecom_platform.contract.times import midnight
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain, field_key
from ecom_platform.kpi.figures import SMALLEST_SAMPLE, delay_percentile_seconds, share
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import ORDERS

AT_RISK_WITHIN = timedelta(hours=2)
AGES = ("under 2 h", "2 to 6 h", "6 to 12 h", "12 to 24 h", "1 to 3 d", "over 3 d")
_AGE_LIMITS = [timedelta(hours=hours) for hours in (2, 6, 12, 24, 72)]


@dataclass(frozen=True)
class Promises:
    """Orders due, of the bucket that starts `at` or of a whole window (None).

    Attributes:
        on_time: those delivered by the promised time.
        bins: those delivered at all, by 5-minute bin of their signed delay.
    """

    due: int = 0
    on_time: int = 0
    at: datetime | None = None
    bins: Mapping[int, int] = field(default_factory=dict)

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

    def delay_seconds(self, percent: int) -> int | None:
        """A percentile of the delay, negative when early; None when nothing was delivered."""
        return delay_percentile_seconds(self.bins, percent)


@dataclass(frozen=True)
class Open:
    """Orders neither delivered nor cancelled, at one instant.

    Attributes:
        late: their promised time has passed.
        at_risk: still Pending, and promised within two hours.
        late_by_courier: most first.
        by_age: one count per entry of AGES, by the time since the order was placed.
    """

    open: int
    late: int
    at_risk: int
    late_by_courier: Mapping[int, int]
    by_age: tuple[int, ...]


@dataclass(frozen=True)
class StatusBucket:
    """Counts per state of the bucket that starts `at`."""

    at: datetime
    states: Mapping[Status, int]


@dataclass(frozen=True)
class LateOrder:
    """An open order past its promise."""

    order_id: int
    courier_id: int
    warehouse_id: int
    status: Status
    order_time: datetime
    expected_time: datetime


def promises(db: MongoDatabase, window: Window, filters: Filters) -> Promises:
    """Sums over `window`, without bins; its end must be a closed half hour (a promise of the future is not due)."""
    source = cube("D", window, Grain.HALF_HOUR, filters, whole=True)
    rows = source.aggregate(db, {"$group": {"_id": None, **_due_sums(filters)}})
    return Promises(rows[0]["due"], rows[0]["on_time"]) if rows else Promises()


def courier_promises(db: MongoDatabase, window: Window, filters: Filters) -> dict[int, Promises]:
    """As `promises`, per courier and with the bins of their delays."""
    pairs = [{"$objectToArray": {"$ifNull": [f"$payment.{key}.bins", {}]}} for key in _payment_keys(filters)]
    group = {"_id": "$courier_id", **_due_sums(filters), "bins": {"$push": {"$concatArrays": pairs}}}
    rows = cube("D", window, Grain.HALF_HOUR, filters, whole=True).aggregate(db, {"$group": group})
    return {
        row["_id"]: Promises(row["due"], row["on_time"], bins=_bins(row["bins"]))
        for row in sorted(rows, key=itemgetter("_id"))
    }


def together(some: Iterable[Promises]) -> Promises:
    """The sum of several couriers' promises."""
    return reduce(_plus, some, Promises())


def promises_by_bucket(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> list[Promises]:
    """The closed half hours, or complete days, of `window` in which anything was due, in order of time."""
    size = Grain.DAY if grain is Grain.DAY else Grain.HALF_HOUR
    end = midnight(window.end) if size is Grain.DAY else window.end
    source = cube("D", window.until(end), size, filters, whole=False)
    rows = source.aggregate(db, {"$group": {"_id": "$t", **_due_sums(filters)}})
    found = [Promises(row["due"], row["on_time"], row["_id"]) for row in sorted(rows, key=itemgetter("_id"))]
    return [bucket for bucket in found if bucket.due]


def open_orders(db: MongoDatabase, now: datetime, filters: Filters) -> Open:
    """Count the open orders at `now` on their index alone; due at this very instant is not late."""
    expected = "$delivery.expected_time"
    soon = {"$lt": [expected, now + AT_RISK_WITHIN]}
    key = {
        "courier": "$delivery.courier_id",
        "late": {"$lt": [expected, now]},
        "risk": {"$and": [{"$eq": ["$delivery.status", Status.PENDING.value]}, {"$gte": [expected, now]}, soon]},
        "age": {
            "$switch": {
                "branches": [
                    {"case": {"$gt": ["$order_time", now - limit]}, "then": slot}
                    for slot, limit in enumerate(_AGE_LIMITS)
                ],
                "default": len(_AGE_LIMITS),
            }
        },
    }
    # Only indexed fields are named, so that the count never leaves the index.
    named = ("delivery.status", "delivery.expected_time", "delivery.courier_id", "order_time")
    fields = {"_id": 0, **dict.fromkeys(named, 1)}
    group = {"_id": key, "orders": {"$sum": 1}}
    rows = list(db[ORDERS].aggregate([{"$match": _is_open(filters)}, {"$project": fields}, {"$group": group}]))
    late: dict[int, int] = defaultdict(int)
    by_age = [0] * len(AGES)
    for row in rows:
        by_age[row["_id"]["age"]] += row["orders"]
        if row["_id"]["late"]:
            late[row["_id"]["courier"]] += row["orders"]
    ranked = dict(sorted(late.items(), key=lambda item: (-item[1], item[0])))
    at_risk = sum(row["orders"] for row in rows if row["_id"]["risk"])
    return Open(sum(by_age), sum(ranked.values()), at_risk, ranked, tuple(by_age))


def late_orders(db: MongoDatabase, now: datetime, filters: Filters, limit: int) -> list[LateOrder]:
    """The open orders past their promise at `now`, longest overdue first."""
    match = {**_is_open(filters), "delivery.expected_time": {"$lt": now}}
    shown = {"warehouse_id": 1, "order_time": 1, "delivery": 1}
    rows = db[ORDERS].find(match, shown).sort([("delivery.expected_time", 1), ("_id", 1)]).limit(limit)
    return [
        LateOrder(
            row["_id"],
            row["delivery"]["courier_id"],
            row["warehouse_id"],
            Status(row["delivery"]["status"]),
            row["order_time"],
            row["delivery"]["expected_time"],
        )
        for row in rows
    ]


def states(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> dict[Status, int]:
    """Orders placed in `window` by the state they are in now; they add up to the orders placed."""
    found = _states(db, window, grain, filters, whole=True)
    return found.get(None) or dict.fromkeys(Status, 0)


def states_by_bucket(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> list[StatusBucket]:
    """Orders by the bucket they were placed in and the state they are in now."""
    found = _states(db, window, grain, filters, whole=False)
    return [StatusBucket(at, found.get(at, dict.fromkeys(Status, 0))) for at in instants(window, grain)]


def steps_by_bucket(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> list[StatusBucket]:
    """Steps that deliveries took, by the half hour or day they took them in."""
    rows = cube("H", window, grain, filters, whole=False).aggregate(
        db, {"$group": {"_id": "$t", **_state_sums("steps", filters)}}
    )
    found = {row["_id"]: _states_from(row) for row in rows}
    return [StatusBucket(at, found.get(at, dict.fromkeys(Status, 0))) for at in instants(window, grain)]


def _states(
    db: MongoDatabase, window: Window, grain: Grain, filters: Filters, *, whole: bool
) -> dict[Any, dict[Status, int]]:
    source = placed(window, grain, filters, whole=whole)
    if not source.is_facts:
        sums = _state_sums("status", filters)
        return {
            row["_id"]: _states_from(row)
            for row in source.aggregate(db, {"$group": {"_id": None if whole else "$t", **sums}})
        }
    by = None if whole else {"$dateTrunc": {"date": "$order_time", "unit": "minute"}}
    found: dict[Any, dict[Status, int]] = {}
    group = {"_id": {"by": by, "status": "$delivery.status"}, "orders": {"$sum": 1}}
    for row in source.aggregate(db, {"$group": group}):
        counts = found.setdefault(row["_id"].get("by"), dict.fromkeys(Status, 0))
        counts[Status(row["_id"]["status"])] = row["orders"]
    return found


def _state_sums(field_name: str, filters: Filters) -> dict[str, Any]:
    return {
        state.name: {"$sum": {"$sum": [f"$payment.{key}.{field_name}.{state}" for key in _payment_keys(filters)]}}
        for state in Status
    }


def _states_from(row: Mapping[str, int]) -> dict[Status, int]:
    return {state: row[state.name] for state in Status}


def _due_sums(filters: Filters) -> dict[str, Any]:
    return {
        name: {"$sum": {"$sum": [f"$payment.{key}.{name}" for key in _payment_keys(filters)]}}
        for name in ("due", "on_time")
    }


def _bins(documents: Iterable[Iterable[Mapping[str, Any]]]) -> dict[int, int]:
    bins: dict[int, int] = defaultdict(int)
    for document in documents:
        for pair in document:
            bins[int(pair["k"])] += pair["v"]
    return {number: count for number, count in bins.items() if count}


def _plus(one: Promises, other: Promises) -> Promises:
    numbers = one.bins.keys() | other.bins.keys()
    bins = {number: one.bins.get(number, 0) + other.bins.get(number, 0) for number in numbers}
    return Promises(one.due + other.due, one.on_time + other.on_time, bins=bins)


def _payment_keys(filters: Filters) -> list[str]:
    return [field_key(kind) for kind in PaymentType if not filters.payments or kind.value in filters.payments]


def _is_open(filters: Filters) -> dict[str, Any]:
    return {"delivery.status": {"$in": list(OPEN_STATUSES)}, **of_orders(filters)}
