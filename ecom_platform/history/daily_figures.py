"""The daily KPIs: their shape, what the live rollups say they are, and where the recomputed ones are kept. Pure but for
the reading and writing of MongoDB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ecom_platform.contract import Status
from ecom_platform.contract.times import day_range
from ecom_platform.kpi.buckets import Grain, field_name
from ecom_platform.kpi.figures import delay_percentile_seconds
from ecom_platform.kpi.rollups import CITY_FIELDS, PAYMENT_FIELDS, PRODUCT_FIELDS, PROMISE_FIELDS, STATUS_FIELDS
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document, MongoDatabase
from ecom_platform.store.transactions import in_transaction

Figures = Mapping[tuple[str, str], Mapping[str, int]]
"""(subject, member) → amounts by name; an amount that is missing is 0."""


def step_amount(status: str) -> str:
    """The amount that counts the steps to a status."""
    return f"steps_{status}"


ORDER_FIELDS: Final = (
    # by the day the order was placed,
    *(*PAYMENT_FIELDS, "valid_orders", *STATUS_FIELDS),
    # by the day it was promised for,
    *(*PROMISE_FIELDS, "late"),
    # and by the day of the step.
    *(step_amount(status) for status in STATUS_FIELDS),
)
CATEGORY_FIELDS: Final = ("orders", "valid_orders", "units", "gross_cents", "net_cents")
SUBJECTS: Final[Mapping[str, Sequence[str]]] = {
    "day": ORDER_FIELDS,
    "payment": ORDER_FIELDS,
    "warehouse": ORDER_FIELDS,
    "courier": ORDER_FIELDS,
    "city": CITY_FIELDS,
    "category": CATEGORY_FIELDS,
    "product": PRODUCT_FIELDS,
    "delay": ("delivered",),
}
"""Subject → its amounts. Members of `delay` are the 5-minute bins of delivery delays (`kpi.buckets.delay_bin`)."""


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


def live_figures(db: MongoDatabase, day: str, as_of: datetime) -> Figures:
    """The day as the rollups have it, summed over partitions; `db` may be of one instant. Raises as the driver does.

    What was promised for the day counts before `as_of`, the start of a half hour.
    """
    query: Document = {"grain": Grain.DAY.label, "t": within_day(day)}
    due = query
    start, end = day_range(day)
    if as_of < end:
        due = {"grain": Grain.HALF_HOUR.label, "t": {"$gte": start, "$lt": as_of}}
    either = [{"basis": {"$in": ["P", "H"]}, **query}, {"basis": "D", **due}]
    return figures_of(db[names.KPI_CUBE].find({"$or": either}), db[names.KPI_PRODUCT].find(query))


def figures_of(cube: Iterable[Document], products: Iterable[Document]) -> Figures:
    """The figures that rollup documents of one day say, of any partition."""
    figures: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for document in cube:
        _add_cube(figures, document)
    for document in products:
        for product, amounts in document.get("products", {}).items():
            _add(figures, "product", product, amounts)
    return figures


def within_day(day: str) -> Document:
    """The instants of a UTC day as a filter of MongoDB."""
    start, end = day_range(day)
    return {"$gte": start, "$lt": end}


def replace_day(db: MongoDatabase, day: str, figures: Figures, at: datetime) -> None:
    """Put the recomputed figures of a day in the place of earlier ones, in one step. Raises UnavailableError."""
    rows: list[Document] = [
        {
            "_id": f"{day}/{subject}/{member}",
            "day": day,
            "subject": subject,
            "member": member,
            **{amount: values.get(amount, 0) for amount in SUBJECTS[subject]},
            **(delays_of_day(figures) if subject == "day" else {}),
            "at": at,
        }
        for (subject, member), values in figures.items()
    ]

    def work(session: Any) -> None:
        db[names.KPI_DAILY].delete_many({"day": day}, session=session)
        if rows:
            db[names.KPI_DAILY].insert_many(rows, session=session)

    in_transaction(db, "writing the KPIs of a day", work)


def total_orders(figures: Figures) -> int:
    """Orders placed on the day."""
    return figures.get(("day", ""), {}).get("orders", 0)


def delays_of_day(figures: Figures) -> dict[str, float | int | None]:
    """Mean and percentiles of the delays of what was promised for a day, in seconds; None when nothing was delivered.

    They do not add up, so they are made from the amounts that do.
    """
    bins = {int(member): amounts["delivered"] for (kind, member), amounts in figures.items() if kind == "delay"}
    day = figures.get(("day", ""), {})
    delivered = day.get("delivered", 0)
    return {
        "delay_mean_seconds": round(day["delay_seconds"] / delivered, 3) if delivered else None,
        "delay_p50_seconds": delay_percentile_seconds(bins, 50),
        "delay_p90_seconds": delay_percentile_seconds(bins, 90),
    }


def _add_cube(figures: dict[tuple[str, str], dict[str, int]], document: Document) -> None:
    for payment, amounts in document.get("payment", {}).items():
        whole = _amounts_of(document["basis"], amounts)
        for number, delivered in amounts.get("bins", {}).items():
            _add(figures, "delay", number, {"delivered": delivered})
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


def _amounts_of(basis: str, amounts: Document) -> Mapping[str, int]:
    """What one payment type's part of a cube document says."""
    if basis == "D":
        return {**amounts, "late": amounts.get("due", 0) - amounts.get("on_time", 0)}
    if basis == "H":
        return {step_amount(status): steps for status, steps in amounts.get("steps", {}).items()}
    statuses = amounts.get("status", {})
    valid = amounts.get("orders", 0) - statuses.get(Status.CANCELLED.value, 0)
    return {**amounts, **statuses, "valid_orders": valid}


def _add(figures: dict[tuple[str, str], dict[str, int]], subject: str, member: str, amounts: Mapping[str, Any]) -> None:
    for amount in SUBJECTS[subject]:
        if amount in amounts:
            figures[subject, member][amount] += amounts[amount]
