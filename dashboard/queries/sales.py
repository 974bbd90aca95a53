"""Orders, money, units, states and payment types of a window, by the time the orders were placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from dashboard.queries.buckets import id_range, pieces
from dashboard.ranges import Window
from ecom_platform.contract import PaymentType, Status
from ecom_platform.kpi import Grain, bucket_time, field_key
from ecom_platform.kpi.figures import average_order_value_cents
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_CUBE, KPI_MINUTE

__all__ = ["Bucket", "Sales", "data_start", "sales", "sales_by_bucket"]


@dataclass(frozen=True)
class Bucket:
    """Sums of one bucket: orders placed and booked value with cancelled orders, the rest without."""

    at: datetime
    orders: int = 0
    valid_orders: int = 0
    booked_cents: int = 0
    revenue_cents: int = 0
    units: int = 0


@dataclass(frozen=True)
class Sales:
    """Sums of a window; `status` adds up to `orders`, `valid_by_payment` to the valid orders."""

    orders: int
    booked_cents: int
    revenue_cents: int
    units: int
    status: Mapping[Status, int]
    valid_by_payment: Mapping[PaymentType, int]

    @property
    def valid_orders(self) -> int:
        """Orders placed minus cancelled ones."""
        return self.orders - self.status[Status.CANCELLED]

    @property
    def average_order_value_cents(self) -> int | None:
        """Revenue per valid order."""
        return average_order_value_cents(self.revenue_cents, self.valid_orders)

    @property
    def average_booked_cents(self) -> int | None:
        """Booked value per order placed: what deltas of the average compare."""
        return average_order_value_cents(self.booked_cents, self.orders)


def sales(db: MongoDatabase, window: Window, fine: Grain) -> Sales:
    """Sums over `window`, from minutes or from days and half hours (`fine` says which)."""
    collection, match = _source(window, fine, by_day=True)
    sums = {
        "orders": _over_payments("orders"),
        "booked_cents": _over_payments("booked_cents"),
        "revenue_cents": _over_payments("revenue_cents"),
        "units": _over_payments("units"),
        **{f"status_{status.name}": _over_payments(f"status.{status}") for status in Status},
        **{f"placed_{payment.name}": _of_payment(payment, "orders") for payment in PaymentType},
        **{f"cancelled_{payment.name}": _of_payment(payment, f"status.{Status.CANCELLED}") for payment in PaymentType},
    }
    rows = list(db[collection].aggregate([{"$match": match}, {"$group": {"_id": None, **sums}}])) if match else []
    row = rows[0] if rows else dict.fromkeys(sums, 0)
    return Sales(
        orders=row["orders"],
        booked_cents=row["booked_cents"],
        revenue_cents=row["revenue_cents"],
        units=row["units"],
        status={status: row[f"status_{status.name}"] for status in Status},
        valid_by_payment={
            payment: row[f"placed_{payment.name}"] - row[f"cancelled_{payment.name}"] for payment in PaymentType
        },
    )


def sales_by_bucket(db: MongoDatabase, window: Window, grain: Grain) -> list[Bucket]:
    """Every bucket of `window` in order of time; one without orders is a bucket of zeros."""
    collection, match = _source(window, grain, by_day=grain is Grain.DAY)
    names = [field.name for field in fields(Bucket) if field.name not in ("at", "valid_orders")]
    sums = {**{name: _over_payments(name) for name in names}, "cancelled": _over_payments(f"status.{Status.CANCELLED}")}
    rows: Iterable[dict[str, Any]] = ()
    if match:
        rows = db[collection].aggregate([{"$match": match}, {"$group": {"_id": "$t", **sums}}])
    found = {
        row["_id"]: Bucket(row["_id"], valid_orders=row["orders"] - row["cancelled"], **{n: row[n] for n in names})
        for row in rows
    }
    return [found.get(at, Bucket(at)) for at in _instants(window, grain)]


def data_start(db: MongoDatabase) -> datetime | None:
    """The start of the earliest bucket that holds an order; None in an empty shop.

    To the half hour where half hours are still kept, to the day before that.
    """
    day, half_hour = (_first_bucket(db, grain) for grain in (Grain.DAY, Grain.HALF_HOUR))
    if day and half_hour and day.date() == half_hour.date():
        return half_hour
    return day


def _first_bucket(db: MongoDatabase, grain: Grain) -> datetime | None:
    prefix = f"P/{grain.label}/"
    match = {"_id": {"$gte": prefix, "$lt": f"P/{grain.label}0"}}  # "0" is the character after "/"
    row = db[KPI_CUBE].find_one(match, {"t": 1}, sort=[("_id", 1)])
    return row["t"] if row else None


def _source(window: Window, fine: Grain, *, by_day: bool) -> tuple[str, dict[str, Any]]:
    """Collection and filter of a window; an empty filter for an empty window."""
    if fine is Grain.MINUTE:
        return KPI_MINUTE, {"_id": id_range(Grain.MINUTE, window)} if window.start < window.end else {}
    parts = pieces(window, Grain.HALF_HOUR) if by_day else [(fine, window)] if window.start < window.end else []
    ranges = [{"_id": id_range(grain, part, f"P/{grain.label}/")} for grain, part in parts]
    return KPI_CUBE, {"$or": ranges} if ranges else {}


def _of_payment(payment: PaymentType, name: str) -> dict[str, Any]:
    return {"$sum": f"$payment.{field_key(payment)}.{name}"}


def _over_payments(name: str) -> dict[str, Any]:
    # The inner $sum adds the payment types of one document and skips the absent ones.
    return {"$sum": {"$sum": [f"$payment.{field_key(payment)}.{name}" for payment in PaymentType]}}


def _instants(window: Window, grain: Grain) -> list[datetime]:
    first, last = (int(end.timestamp()) // grain.seconds for end in (window.start, window.end))
    return [bucket_time(grain, number) for number in range(first, last)]
