"""Every KPI over hot and cold orders at one instant: what `ecom kpi` answers."""

from __future__ import annotations

from typing import Any, Final

from bson.timestamp import Timestamp

from ecom_platform.archive.lookup import open_archive
from ecom_platform.history.figures_sql import KPI_COLUMNS, OrderTable
from ecom_platform.history.question import Filters, KpiQuestion, iso_text
from ecom_platform.history.reader import Selection, cold_batches, hot_batches
from ecom_platform.history.snapshot import read_snapshot
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.cluster_time import database_at, instant_errors, read_at_one_instant
from ecom_platform.store.collections import PRODUCTS

IGNORED_FILTERS: Final = {
    "by_status": ("category",),
    "by_courier": ("category",),
    "promise": ("category",),
    "delivery_delay_seconds": ("category",),
    "by_location": ("courier", "category", "payment"),
    "top_products": ("courier", "payment"),
}
"""Filters that a part of the answer does not honour; every other part honours all four."""


def answer_kpis(settings: Settings, db: MongoDatabase, question: KpiQuestion) -> dict[str, Any]:
    """The answer as it is printed; `sources` is the only part that archiving may change.

    `orders`, `booked_cents` and `by_status` count every order placed; other figures leave cancelled orders out. In the
    breakdowns `orders` are the valid ones and `placed` all. Delays are those of the orders due, in whole seconds, their
    percentiles the lower edge of a 5-minute bin. `ignored_filters` names the chosen filters that a part is without.

    Raises:
        UnavailableError: MongoDB or HDFS does not answer, or reading took longer than MongoDB keeps an instant.
        ConfigurationError: orders are archived, and no HDFS is known.
        AccountingError: an order came twice.
    """
    return read_at_one_instant(db, lambda at: answer_kpis_at(settings, db, question, at))


def answer_kpis_at(settings: Settings, db: MongoDatabase, question: KpiQuestion, at: Timestamp) -> dict[str, Any]:
    """As `answer_kpis`, of one cluster time: all that is read at it agrees with the answer.

    Raises InstantExpired once the server no longer keeps that time, and what `answer_kpis` raises.
    """
    snapshot = read_snapshot(db, settings, at)
    selection = Selection(question.start, question.end, promised=True, warehouses=question.filters.warehouses)
    with OrderTable(question) as table:
        table.add(hot_batches(db, snapshot, KPI_COLUMNS, selection), hot=True)
        if snapshot.cold:
            table.add(cold_batches(open_archive(settings), snapshot, KPI_COLUMNS, selection), hot=False)
        figures = table.figures()
        sources = {**table.sources(), "late_events": snapshot.late_events}
    _name_products(database_at(db, at), figures["top_products"])
    return {
        "from": iso_text(question.start),
        "to": iso_text(question.end),
        "as_of": iso_text(question.as_of),
        "filters": question.filters.to_dict(),
        "ignored_filters": _ignored(question.filters),
        **figures,
        "sources": sources,
    }


def _ignored(filters: Filters) -> dict[str, list[str]]:
    chosen = filters.chosen()
    ignored = {part: [kind for kind in kinds if kind in chosen] for part, kinds in IGNORED_FILTERS.items()}
    return {part: kinds for part, kinds in ignored.items() if kinds}


def _name_products(db: MongoDatabase, products: list[dict[str, Any]]) -> None:
    """Add names; a product without a description yet is called by its number."""
    ids = [product["product_id"] for product in products]
    with instant_errors("reading the names of products"):
        names = {row["_id"]: row["name"] for row in db[PRODUCTS].find({"_id": {"$in": ids}}, {"name": 1})}
    for product in products:
        product["name"] = names.get(product["product_id"], f"Product {product['product_id']}")
