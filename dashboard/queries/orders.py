"""The newest orders, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecom_platform.contract import Status
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import ORDERS


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
