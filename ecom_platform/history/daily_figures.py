"""The daily KPIs: their shape, what the live rollups say they are, and where the recomputed ones are kept. Pure but for
the reading and writing of MongoDB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ecom_platform.contract import Status
from ecom_platform.kpi.buckets import Grain, field_name
from ecom_platform.kpi.rollups import CITY_FIELDS, PAYMENT_FIELDS, PRODUCT_FIELDS, STATUS_FIELDS
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors

__all__ = [
    "SUBJECTS",
    "Difference",
    "Figures",
    "differences",
    "figures_of",
    "live_figures",
    "replace_day",
    "start_of",
    "total_orders",
    "within_day",
]

Figures = Mapping[tuple[str, str], Mapping[str, int]]
"""(subject, member) → amounts by name; an amount that is missing is 0."""

ORDER_FIELDS: Final = (*PAYMENT_FIELDS, "valid_orders", *STATUS_FIELDS)
CATEGORY_FIELDS: Final = ("orders", "valid_orders", "units", "gross_cents", "net_cents")
SUBJECTS: Final[Mapping[str, Sequence[str]]] = {
    "day": ORDER_FIELDS,
    "payment": ORDER_FIELDS,
    "warehouse": ORDER_FIELDS,
    "courier": ORDER_FIELDS,
    "city": CITY_FIELDS,
    "category": CATEGORY_FIELDS,
    "product": PRODUCT_FIELDS,
}
"""Subject → its amounts."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One amount on which the orders and the rollups disagree."""

    subject: str
    member: str
    amount: str
    recomputed: int
    live: int

    def __str__(self) -> str:
        place = f"{self.subject} {self.member}".strip()
        return f"{self.amount} of {place}: {self.recomputed:,} by the orders, {self.live:,} live"


def differences(recomputed: Figures, live: Figures) -> list[Difference]:
    """Every amount that is not the same on both sides, in a stable order."""
    found = []
    for subject, member in sorted(recomputed.keys() | live.keys()):
        ours, theirs = recomputed.get((subject, member), {}), live.get((subject, member), {})
        found += [
            Difference(subject, member, amount, ours.get(amount, 0), theirs.get(amount, 0))
            for amount in SUBJECTS[subject]
            if ours.get(amount, 0) != theirs.get(amount, 0)
        ]
    return found


def live_figures(db: MongoDatabase, day: str) -> Figures:
    """The day as the rollups have it, summed over partitions; `db` may be of one instant. Raises as the driver does."""
    query: Document = {"grain": Grain.DAY.label, "t": within_day(day)}
    return figures_of(db[names.KPI_CUBE].find({"basis": "P", **query}), db[names.KPI_PRODUCT].find(query))


def figures_of(cube: Iterable[Document], products: Iterable[Document]) -> Figures:
    """The figures that rollup documents of one day say, of whatever partitions they are."""
    figures: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for document in cube:
        _add_cube(figures, document)
    for document in products:
        for product, amounts in document.get("products", {}).items():
            _add(figures, "product", product, amounts)
    return figures


def start_of(day: str) -> datetime:
    """The first instant of a UTC day."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def within_day(day: str) -> Document:
    """The instants of a UTC day as a filter of MongoDB."""
    return {"$gte": start_of(day), "$lt": start_of(day) + timedelta(days=1)}


def replace_day(db: MongoDatabase, day: str, figures: Figures, at: datetime) -> None:
    """Put the recomputed figures of a day in the place of earlier ones, in one step. Raises UnavailableError."""
    rows = [
        {
            "_id": f"{day}/{subject}/{member}",
            "day": day,
            "subject": subject,
            "member": member,
            **{amount: values.get(amount, 0) for amount in SUBJECTS[subject]},
            "at": at,
        }
        for (subject, member), values in figures.items()
    ]

    def work(session: Any) -> None:
        db[names.KPI_DAILY].delete_many({"day": day}, session=session)
        if rows:
            db[names.KPI_DAILY].insert_many(rows, session=session)

    with mongo_errors("writing the KPIs of a day"), db.client.start_session() as session:
        session.with_transaction(work)


def total_orders(figures: Figures) -> int:
    """Orders placed on the day."""
    return figures.get(("day", ""), {}).get("orders", 0)


def _add_cube(figures: dict[tuple[str, str], dict[str, int]], document: Document) -> None:
    for payment, amounts in document.get("payment", {}).items():
        statuses = amounts.get("status", {})
        valid = amounts.get("orders", 0) - statuses.get(Status.CANCELLED.value, 0)
        whole = {**amounts, **statuses, "valid_orders": valid}
        for subject, member in (
            ("day", ""),
            ("payment", field_name(payment)),
            ("warehouse", str(document["warehouse_id"])),
            ("courier", str(document["courier_id"])),
        ):
            _add(figures, subject, member, whole)
    for category, payments in document.get("category", {}).items():
        for amounts in payments.values():
            _add(figures, "category", field_name(category), amounts)
    for city, amounts in document.get("city", {}).items():
        _add(figures, "city", field_name(city), amounts)


def _add(figures: dict[tuple[str, str], dict[str, int]], subject: str, member: str, amounts: Mapping[str, Any]) -> None:
    for amount in SUBJECTS[subject]:
        if amount in amounts:
            figures[subject, member][amount] += amounts[amount]
