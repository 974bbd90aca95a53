"""What an archive run would do, before it does it: days, orders, bytes, and the open orders it would leave."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from pymongo.read_concern import ReadConcern

from ecom_platform.archive.policy import Policy
from ecom_platform.contract import CLOSED_STATUSES
from ecom_platform.contract.times import day_range
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors, storage_stats
from ecom_platform.store.collections import ORDERS
from ecom_platform.store.manifests import Frontier
from ecom_platform.store.offsets import read_offsets


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A UTC day: orders a run takes from it, and open ones that are old enough but stay."""

    day: str
    orders: int
    open_orders_left: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run under `policy` takes; only days with orders to take. `order_bytes` is a mean, in BSON."""

    policy: Policy
    days: tuple[PlannedDay, ...]
    order_bytes: int

    @property
    def orders(self) -> int:
        """All orders of the plan."""
        return sum(day.orders for day in self.days)

    @property
    def open_orders_left(self) -> int:
        """Open orders of the plan's days that stay."""
        return sum(day.open_orders_left for day in self.days)

    @property
    def bytes(self) -> int:
        """About how many bytes of `orders` it frees."""
        return self.orders * self.order_bytes


def read_plan(db: MongoDatabase, policy: Policy, days: Collection[str] | None = None) -> Plan:
    """What a run would take now.

    Args:
        days: look at these UTC days only.

    Raises:
        UnavailableError: MongoDB does not answer.
    """
    counted = count_days(db, policy, days)
    with mongo_errors("planning the archive run"):
        order_bytes = int(storage_stats(db, ORDERS).get("avgObjSize", 0))
    return Plan(policy, tuple(day for day in counted if day.orders), order_bytes)


def count_days(db: MongoDatabase, policy: Policy, days: Collection[str] | None = None) -> list[PlannedDay]:
    """Every day with orders old enough, also those without any to take, oldest first. Raises UnavailableError."""
    with mongo_errors("counting the orders to be archived"):
        rows = db[ORDERS].aggregate(_pipeline(policy, days))
        return sorted((PlannedDay(row["_id"], row["orders"], row["left"]) for row in rows), key=attrgetter("day"))


def read_frontier(db: MongoDatabase, topic: str) -> Frontier:
    """Where the stream stands. Read it before the rows: what is below it is then in them.

    Only what a majority has is read, so that no rollback can take back what the frontier promises.
    """
    offsets = read_offsets(db.with_options(read_concern=ReadConcern("majority")), topic)
    topic_ids = {partition.topic_id for partition in offsets.values()}
    return Frontier(topic_ids.pop() if topic_ids else "", {number: offsets[number].next for number in offsets})


def _pipeline(policy: Policy, days: Collection[str] | None) -> list[Document]:
    taken = {
        "$or": [
            {"$in": ["$delivery.status", list(CLOSED_STATUSES)]},
            {"$lt": ["$order_time", policy.open_before]},
        ]
    }
    match: Document = {"order_time": {"$lt": policy.closed_before}}
    if days is not None:
        match["order_time"].update(_span(days))
        match["order_date"] = {"$in": sorted(days)}
    group = {
        "_id": "$order_date",
        "orders": {"$sum": {"$cond": [taken, 1, 0]}},
        "left": {"$sum": {"$cond": [taken, 0, 1]}},
    }
    return [{"$match": match}, {"$group": group}]


def _span(days: Collection[str]) -> dict[str, datetime]:
    """A bound that order_time's index can use. No days: an empty one."""
    return {"$gte": day_range(min(days))[0]} if days else {}
