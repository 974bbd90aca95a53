"""Orders, money and units by the time the orders were placed, in total and by bucket, payment type or place.

With a category chosen, money is net item sales of that category and an order counts when it has a line of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property, reduce
from operator import add, attrgetter
from typing import Any

from dashboard.queries.buckets import Source, facts, instants, placed
from dashboard.ranges import Window
from ecom_platform.contract import PaymentType, Status
from ecom_platform.history.question import Filters
from ecom_platform.kpi import UNKNOWN, Grain, field_key, field_name
from ecom_platform.kpi.figures import average_order_value_cents, share
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_CUBE


@dataclass(frozen=True)
class Amounts:
    """Sums over orders: `orders` and `booked_cents` with cancelled orders, everything else without."""

    orders: int = 0
    valid_orders: int = 0
    booked_cents: int = 0
    revenue_cents: int = 0
    subtotal_cents: int = 0
    discount_cents: int = 0
    units: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*map(add, _sums_of(self), _sums_of(other)))

    @property
    def average_order_value_cents(self) -> int | None:
        """Revenue per valid order."""
        return average_order_value_cents(self.revenue_cents, self.valid_orders)

    @property
    def average_booked_cents(self) -> int | None:
        """Booked value per order placed: what deltas of the average compare."""
        return average_order_value_cents(self.booked_cents, self.orders)

    @property
    def cancelled_cents(self) -> int:
        """Value of the cancelled orders."""
        return self.booked_cents - self.revenue_cents

    @property
    def cancelled_share(self) -> float | None:
        """Of the booked value, 0 to 1."""
        return share(self.cancelled_cents, self.booked_cents)

    @property
    def discount_share(self) -> float | None:
        """Of the value before discount, 0 to 1."""
        return share(self.discount_cents, self.subtotal_cents)


_sums_of = attrgetter(*(field.name for field in fields(Amounts)))


@dataclass(frozen=True)
class Bucket:
    """The orders placed in the bucket that starts `at`, by payment type."""

    at: datetime
    by_payment: Mapping[PaymentType, Amounts]

    @cached_property
    def total(self) -> Amounts:
        """Over the payment types; several charts of several readers ask for it at every tick."""
        return _sum(self.by_payment.values())


@dataclass(frozen=True)
class Group:
    """Orders and revenue of one city (orders placed) or category (valid orders with a line of it)."""

    name: str
    orders: int
    revenue_cents: int
    units: int | None = None


_BY_PAYMENT = dict[PaymentType, Amounts]
_PLAIN = {
    "orders": "orders",
    "cancelled": f"status.{Status.CANCELLED}",
    "booked_cents": "booked_cents",
    "revenue_cents": "revenue_cents",
    "subtotal_cents": "subtotal_cents",
    "discount_cents": "discount_cents",
    "units": "units",
}
_OF_CATEGORY = {
    "orders": "orders",
    "valid_orders": "valid_orders",
    "booked_cents": "booked_net_cents",
    "revenue_cents": "net_cents",
    "subtotal_cents": "gross_cents",
    "discount_cents": "discount_cents",
    "units": "units",
}
_CATEGORIES_OF_FACTS: list[dict[str, Any]] = [
    {"$match": {"delivery.status": {"$ne": Status.CANCELLED.value}}},
    {"$unwind": "$order_items"},
    {
        "$group": {
            "_id": {"order": "$_id", "category": {"$ifNull": ["$order_items.category", UNKNOWN]}},
            "net": {"$sum": "$order_items.net_cents"},
            "units": {"$sum": "$order_items.quantity"},
        }
    },
    {"$group": {"_id": "$_id.category", "orders": {"$sum": 1}, "net": {"$sum": "$net"}, "units": {"$sum": "$units"}}},
]
_VALID = {"$ne": ["$delivery.status", Status.CANCELLED.value]}
_MINUTE = {"$dateTrunc": {"date": "$order_time", "unit": "minute"}}


def sales(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> Amounts:
    """Sums over `window`."""
    return _sum(sales_by_payment(db, window, grain, filters).values())


def sales_by_payment(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> _BY_PAYMENT:
    """Sums over `window` per payment type; each of the chosen types is there."""
    found = _amounts(db, placed(window, grain, filters, whole=True), filters, None)
    return found.get(None) or {payment: Amounts() for payment in _payments(filters)}


def sales_by_warehouse(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> dict[int, Amounts]:
    """Sums over `window` per warehouse that had an order."""
    return _totals(_amounts(db, placed(window, grain, filters, whole=True), filters, "$warehouse_id"))


def sales_by_courier(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> dict[int, Amounts]:
    """Sums over `window` per courier who had an order."""
    minutes = grain is Grain.MINUTE  # minutes do not know couriers
    source = facts(window, filters) if minutes else placed(window, grain, filters, whole=True)
    return _totals(_amounts(db, source, filters, "$delivery.courier_id" if minutes else "$courier_id"))


def sales_by_bucket(
    db: MongoDatabase, window: Window, grain: Grain, filters: Filters, only: Collection[str] = ()
) -> list[Bucket]:
    """Every bucket of `window` in order of time; one without orders is a bucket of zeros.

    Args:
        only: the amounts to read from rollups, the others stay 0: what is not summed is most of the cost of a week.
    """
    source = placed(window, grain, filters, whole=False)
    found = _amounts(db, source, filters, _MINUTE if source.is_facts else "$t", only)
    nothing = {payment: Amounts() for payment in _payments(filters)}
    return [Bucket(at, found.get(at, nothing)) for at in instants(window, grain)]


def sales_by_category(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> list[Group]:
    """Net item sales and valid orders per category, best first; only the chosen one when there is one."""
    if grain is Grain.MINUTE:  # minutes do not know categories
        rows = facts(window, filters).aggregate(db, *_CATEGORIES_OF_FACTS)
    else:
        rows = placed(window, grain, filters, whole=True).aggregate(db, *_category_rollups(filters))
        rows = [{**row, "_id": field_name(row["_id"])} for row in rows]
    groups = [Group(row["_id"], row["orders"], row["net"], row["units"]) for row in rows]
    chosen = [group for group in groups if filters.category in (None, group.name) and group.orders]
    return sorted(chosen, key=lambda group: (-group.revenue_cents, group.name))


def sales_by_city(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> list[Group]:
    """Orders placed and revenue per city of the customers, best first; of the filters it honours the warehouse."""
    source = placed(window, grain, Filters(warehouses=filters.warehouses), whole=True)
    sums = {"orders": {"$sum": "$city.v.orders"}, "revenue": {"$sum": "$city.v.revenue_cents"}}
    rows = source.aggregate(
        db,
        {"$project": {"city": {"$objectToArray": "$city"}}},
        {"$unwind": "$city"},
        {"$group": {"_id": "$city.k", **sums}},
    )
    groups = [Group(field_name(row["_id"]), row["orders"], row["revenue"]) for row in rows if row["orders"]]
    return sorted(groups, key=lambda group: (-group.revenue_cents, group.name))


def returned_cents(db: MongoDatabase, window: Window, grain: Grain, filters: Filters) -> int:
    """Value of the orders that came back; it honours every filter but the category."""
    source = placed(window, grain, filters, whole=True)
    if source.is_facts:
        came_back = {"$eq": ["$delivery.status", Status.RETURNED.value]}
        value: dict[str, Any] = {"$sum": {"$cond": [came_back, "$total_cents", 0]}}
    else:
        value = {"$sum": {"$sum": [f"$payment.{field_key(kind)}.returned_cents" for kind in _payments(filters)]}}
    rows = source.aggregate(db, {"$group": {"_id": None, "cents": value}})
    return int(rows[0]["cents"]) if rows else 0


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


def _amounts(
    db: MongoDatabase, source: Source, filters: Filters, by: object, only: Collection[str] = ()
) -> dict[Any, _BY_PAYMENT]:
    """Sums per value of the expression `by` and payment type."""
    if source.is_facts:
        return _amounts_of_facts(db, source, filters, by)
    payments = _payments(filters)
    every = _OF_CATEGORY if filters.category else _PLAIN
    paths = {name: path for name, path in every.items() if not only or name in only}
    above = f"category.{field_key(filters.category)}" if filters.category else "payment"
    sums = {
        f"{payment.name}_{name}": {"$sum": f"${above}.{field_key(payment)}.{path}"}
        for payment in payments
        for name, path in paths.items()
    }
    rows = source.aggregate(db, {"$group": {"_id": by, **sums}})
    return {
        row["_id"]: {
            payment: _amounts_from({name: row[f"{payment.name}_{name}"] for name in paths}) for payment in payments
        }
        for row in rows
    }


def _amounts_of_facts(db: MongoDatabase, source: Source, filters: Filters, by: object) -> dict[Any, _BY_PAYMENT]:
    stages: list[dict[str, Any]] = []
    if filters.category:
        is_chosen = {"$eq": [{"$ifNull": ["$$line.category", UNKNOWN]}, {"$literal": filters.category}]}
        lines = {"$filter": {"input": "$order_items", "as": "line", "cond": is_chosen}}
        stages = [{"$set": {"order_items": lines}}, {"$match": {"order_items": {"$ne": []}}}, {"$set": _line_sums()}]
    sums = _fact_sums(of_category=bool(filters.category))
    group = {"_id": {"by": by, "payment": "$payment_type"}, **sums}
    found: dict[Any, _BY_PAYMENT] = {}
    for row in source.aggregate(db, *stages, {"$group": group}):
        place, payment = row["_id"].get("by"), PaymentType(row["_id"]["payment"])
        nothing = {kind: Amounts() for kind in _payments(filters)}
        found.setdefault(place, nothing)[payment] = _amounts_from({name: row[name] for name in sums})
    return found


def _fact_sums(*, of_category: bool) -> dict[str, Any]:
    """Each amount as a sum over orders, or over their lines of the chosen category, which stand in `sold`."""
    money, gross, discount, units = (
        ("$sold.net", "$sold.gross", "$sold.discount", "$sold.units")
        if of_category
        else ("$total_cents", "$subtotal_cents", "$discount_cents", "$quantity")
    )
    return {
        "orders": {"$sum": 1},
        "valid_orders": _sum_of_valid(1),
        "booked_cents": {"$sum": money},
        "revenue_cents": _sum_of_valid(money),
        "subtotal_cents": _sum_of_valid(gross),
        "discount_cents": _sum_of_valid(discount),
        "units": _sum_of_valid(units),
    }


def _totals(found: Mapping[int, _BY_PAYMENT]) -> dict[int, Amounts]:
    totals = {number: _sum(by_payment.values()) for number, by_payment in sorted(found.items())}
    return {number: total for number, total in totals.items() if total.orders}


def _line_sums() -> dict[str, Any]:
    gross = {"$multiply": ["$$line.quantity", "$$line.price_cents"]}
    sums: dict[str, object] = {
        "net": "$$line.net_cents",
        "gross": gross,
        "discount": {"$subtract": [gross, "$$line.net_cents"]},
        "units": "$$line.quantity",
    }
    return {
        f"sold.{name}": {"$sum": {"$map": {"input": "$order_items", "as": "line", "in": value}}}
        for name, value in sums.items()
    }


def _sum_of_valid(value: object) -> dict[str, Any]:
    return {"$sum": {"$cond": [_VALID, value, 0]}}


def _category_rollups(filters: Filters) -> list[dict[str, Any]]:
    def over_payments(name: str) -> dict[str, Any]:
        return {"$sum": {"$sum": [f"$category.v.{field_key(payment)}.{name}" for payment in _payments(filters)]}}

    sums = {"orders": over_payments("valid_orders"), "net": over_payments("net_cents"), "units": over_payments("units")}
    return [
        {"$project": {"category": {"$objectToArray": "$category"}}},
        {"$unwind": "$category"},
        {"$group": {"_id": "$category.k", **sums}},
    ]


def _amounts_from(row: Mapping[str, int]) -> Amounts:
    values = dict(row)
    cancelled = values.pop("cancelled", None)
    if cancelled is not None:
        values["valid_orders"] = values["orders"] - cancelled
    return Amounts(**values)


def _payments(filters: Filters) -> list[PaymentType]:
    return [payment for payment in PaymentType if not filters.payments or payment.value in filters.payments]


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    return reduce(add, amounts, Amounts())
