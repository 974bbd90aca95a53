"""From MongoDB to facts: sums over few, indexed rollup documents, however many orders there are.

The rollups survive archiving, so that nothing here asks the archive. The age is read first: rollups read after it can
only be newer than it says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ecom_platform.alerts.facts import (
    BUCKET,
    HALF_HOUR,
    Bucket,
    Facts,
    Promises,
    Span,
    Usual,
    closed_buckets,
    earlier_days,
    earlier_half_hours,
)
from ecom_platform.contract import OPEN_STATUSES, PaymentType
from ecom_platform.kpi import Grain, field_key
from ecom_platform.kpi.figures import half_hour
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.progress import figure_age, read_progress

_OUTCOMES = ("applied", "duplicate", "dead", "late")
_BUCKET_MILLISECONDS = BUCKET // timedelta(milliseconds=1)


def read_facts(
    db: MongoDatabase, topic: str, now: datetime, judged_until: datetime | None, *, loading: bool = False
) -> Facts:
    """The facts at `now` (to the millisecond, UTC).

    Args:
        judged_until: end of the last bucket that was judged.
        loading: past days are still being filled in.

    Raises:
        UnavailableError: MongoDB does not answer.
    """
    age = figure_age(read_progress(db, topic), now)
    span = closed_buckets(now, age.as_of, judged_until)
    with mongo_errors("reading what the alert rules look at"):
        buckets = _buckets(db, span)
        promise_days, usual_promises = _usual_promises(db, now) if buckets else (0, {})
        available, holding = _shelves(db)
        return Facts(
            now=now,
            as_of=age.as_of,
            loading=loading,
            buckets=buckets,
            usual=_usual(db, earlier_half_hours(span)),
            promises=_promises(db, now) if buckets else {},
            usual_promises=usual_promises,
            promise_days=promise_days,
            empty_shelves=_empty_shelves(available, holding),
            oversold={shelf: -units for shelf, units in available.items() if units < 0},
        )


def _buckets(db: MongoDatabase, span: Span) -> tuple[Bucket, ...]:
    start, end = span
    if start >= end:
        return ()
    orders = _by_bucket(db, names.KPI_MINUTE, span, {name: _over_payments(name) for name in ("orders", "booked_cents")})
    events = _by_bucket(
        db, names.INGEST_MINUTE, span, {"events": {"$sum": [f"${name}" for name in _OUTCOMES]}, "dead": "$dead"}
    )
    starts = [start + number * BUCKET for number in range((end - start) // BUCKET)]
    return tuple(Bucket(one, **{**orders.get(one, {}), **events.get(one, {})}) for one in starts)


def _by_bucket(
    db: MongoDatabase, collection: str, span: Span, sums: Mapping[str, Any]
) -> dict[datetime, dict[str, int]]:
    milliseconds = {"$toLong": "$t"}
    bucket = {"$toDate": {"$subtract": [milliseconds, {"$mod": [milliseconds, _BUCKET_MILLISECONDS]}]}}
    rows = db[collection].aggregate(
        [
            {"$match": {"t": {"$gte": span[0], "$lt": span[1]}}},
            {"$group": {"_id": bucket, **{name: {"$sum": what} for name, what in sums.items()}}},
        ]
    )
    return {row.pop("_id"): row for row in rows}


def _usual(db: MongoDatabase, earlier: Mapping[datetime, Iterable[datetime]]) -> dict[datetime, Usual]:
    wanted = [one for instants in earlier.values() for one in instants]
    sums = {name: {"$sum": _over_payments(name)} for name in ("orders", "booked_cents")}
    rows = {row["_id"]: row for row in _cube(db, "P", Grain.HALF_HOUR, wanted, "$t", sums) if row["orders"]}
    return {
        one: Usual(
            tuple(rows[at]["orders"] for at in instants if at in rows),
            tuple(rows[at]["booked_cents"] for at in instants if at in rows),
        )
        for one, instants in earlier.items()
    }


def _promises(db: MongoDatabase, now: datetime) -> dict[int, Promises]:
    """What was due in the last closed half hour, and of the current one what is late by now.

    All orders promised for the current half hour count as due, whether their time has come or not: the share can only
    be greater than it says.
    """
    current = half_hour(now)
    found: defaultdict[int, Promises] = defaultdict(Promises)
    for row in _promise_rows(db, Grain.HALF_HOUR, [current - HALF_HOUR, current]):
        on_time = row["on_time"] if row["_id"]["t"] < current else row["due"]
        found[row["_id"]["courier"]] += Promises(row["due"], row["due"] - on_time)
    late = {"delivery.status": {"$in": list(OPEN_STATUSES)}, "delivery.expected_time": {"$gte": current, "$lt": now}}
    group = {"$group": {"_id": "$delivery.courier_id", "late": {"$sum": 1}}}
    for row in db[names.ORDERS].aggregate([{"$match": late}, group]):
        found[row["_id"]] += Promises(0, row["late"])
    return dict(found)


def _usual_promises(db: MongoDatabase, now: datetime) -> tuple[int, dict[int, Promises]]:
    found: defaultdict[int, Promises] = defaultdict(Promises)
    days = set()
    for row in _promise_rows(db, Grain.DAY, earlier_days(now)):
        days.add(row["_id"]["t"])
        found[row["_id"]["courier"]] += Promises(row["due"], row["due"] - row["on_time"])
    return len(days), dict(found)


def _promise_rows(db: MongoDatabase, grain: Grain, instants: list[datetime]) -> list[Document]:
    sums = {name: {"$sum": _over_payments(name)} for name in ("due", "on_time")}
    return _cube(db, "D", grain, instants, {"t": "$t", "courier": "$courier_id"}, sums)


def _cube(
    db: MongoDatabase, basis: str, grain: Grain, instants: list[datetime], key: Any, sums: Mapping[str, Any]
) -> list[Document]:
    match = {"basis": basis, "grain": grain.label, "t": {"$in": instants}}
    return list(db[names.KPI_CUBE].aggregate([{"$match": match}, {"$group": {"_id": key, **sums}}])) if instants else []


def _shelves(db: MongoDatabase) -> tuple[dict[tuple[int, int], int], dict[int, int]]:
    """(warehouse, product) → units left to sell; product → warehouses that hold it."""
    available: dict[tuple[int, int], int] = {}
    holding: defaultdict[int, int] = defaultdict(int)
    for row in db[names.INVENTORY].find({}, {"_id": 0, "warehouse_id": 1, "product_id": 1, "opening": 1}):
        available[row["warehouse_id"], row["product_id"]] = row["opening"]
        holding[row["product_id"]] += 1
    for block in db[names.STOCK].find({}, {"warehouse_id": 1, "products": 1}):
        for name, moved in block["products"].items():
            shelf = (block["warehouse_id"], int(name))
            gone = moved.get("shipped", 0) + moved.get("reserved", 0)
            arrived = moved.get("received", 0) + moved.get("returned", 0)
            available[shelf] = available.get(shelf, 0) + arrived - gone
    return available, holding


def _empty_shelves(available: Mapping[tuple[int, int], int], holding: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Product → (warehouses without any, warehouses that hold it); one the inventory does not know has no shelf."""
    empty: defaultdict[int, int] = defaultdict(int)
    for (_, product), units in available.items():
        empty[product] += units <= 0 and product in holding
    return {product: (count, holding[product]) for product, count in empty.items() if count}


def _over_payments(name: str) -> dict[str, Any]:
    return {"$sum": [f"$payment.{field_key(payment)}.{name}" for payment in PaymentType]}
