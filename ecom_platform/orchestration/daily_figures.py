"""The daily KPIs: their shape, what the live rollups say they are, and where the recomputed ones are kept. Pure but for
the reading and writing of MongoDB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ecom_platform.kpi.buckets import Grain, field_name
from ecom_platform.kpi.rollups import CITY_FIELDS, PAYMENT_FIELDS, PRODUCT_FIELDS, STATUS_FIELDS
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors

__all__ = ["SUBJECTS", "Difference", "Figures", "differences", "live_figures", "replace_day", "total_orders"]

Figures = Mapping[tuple[str, str], Mapping[str, int]]
"""(subject, member) → amounts by name; an amount that is missing is 0."""

CATEGORY_FIELDS: Final = ("orders", "valid_orders", "units", "gross_cents", "net_cents")
SUBJECTS: Final[Mapping[str, Sequence[str]]] = {
    "day": (*PAYMENT_FIELDS, *STATUS_FIELDS),
    "payment": (*PAYMENT_FIELDS, *STATUS_FIELDS),
    "warehouse": (*PAYMENT_FIELDS, *STATUS_FIELDS),
    "courier": (*PAYMENT_FIELDS, *STATUS_FIELDS),
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
    """The day as the rollups have it, summed over partitions; `db` may be of one instant. Raises UnavailableError."""
    figures: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    query: Document = {"grain": Grain.DAY.label, "t": {"$gte": start, "$lt": start + timedelta(days=1)}}
    with mongo_errors("reading the rollups of a day"):
        for document in db[names.KPI_CUBE].find({"basis": "P", **query}):
            _add_cube(figures, document)
        for document in db[names.KPI_PRODUCT].find(query):
            for product, amounts in document.get("products", {}).items():
                _add(figures, "product", product, amounts)
    return figures


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
        for subject, member in (
            ("day", ""),
            ("payment", field_name(payment)),
            ("warehouse", str(document["warehouse_id"])),
            ("courier", str(document["courier_id"])),
        ):
            _add(figures, subject, member, {**amounts, **amounts.get("status", {})})
    for category, payments in document.get("category", {}).items():
        for amounts in payments.values():
            _add(figures, "category", field_name(category), amounts)
    for city, amounts in document.get("city", {}).items():
        _add(figures, "city", field_name(city), amounts)


def _add(figures: dict[tuple[str, str], dict[str, int]], subject: str, member: str, amounts: Mapping[str, Any]) -> None:
    for amount in SUBJECTS[subject]:
        if amount in amounts:
            figures[subject, member][amount] += amounts[amount]
