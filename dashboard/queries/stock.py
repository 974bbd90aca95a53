"""What is on the shelves at this instant, and how long it lasts.

A shelf is a product in a warehouse: its opening units are a dimension, what moved since is kept by the stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.queries.alerts import UNWATCHED_AFTER
from dashboard.queries.buckets import Source, id_range
from dashboard.queries.sales import data_start
from dashboard.ranges import DAY, Window
from ecom_platform.alerts.documents import EVALUATOR
from ecom_platform.alerts.rules import shelf as entity_of
from ecom_platform.contract.times import midnight
from ecom_platform.history.question import Filters
from ecom_platform.kpi import UNKNOWN, Grain
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import ALERTS, INVENTORY, KPI_PRODUCT, PRODUCTS, STOCK

OVERSOLD_AFTER = timedelta(seconds=60)
_RATE_DAYS = 7
Place = tuple[int, int]


@dataclass(frozen=True)
class Moves:
    """Units that came to and went from a shelf since it was opened, and those that pending orders hold."""

    received: int = 0
    shipped: int = 0
    returned: int = 0
    reserved: int = 0


@dataclass(frozen=True)
class Shelf:
    """One product in one warehouse, in units.

    Attributes:
        reorder_point: None: the inventory does not know this shelf.
        is_lasting: whether what is below zero was so a minute ago, too.
        units_per_day: sold of late, cancelled orders out; None: there is no whole day of history yet.
    """

    warehouse_id: int
    product_id: int
    name: str
    category: str
    opening: int
    moves: Moves
    reorder_point: int | None
    is_lasting: bool
    units_per_day: float | None

    @property
    def id(self) -> str:
        """As the inventory calls it: warehouse-product."""
        return f"{self.warehouse_id}-{self.product_id}"

    @property
    def on_hand(self) -> int:
        """Units in the building."""
        return self.opening + self.moves.received - self.moves.shipped + self.moves.returned

    @property
    def available(self) -> int:
        """Units left to sell; negative: more is promised than there is."""
        return self.on_hand - self.moves.reserved

    @property
    def is_oversold(self) -> bool:
        """Whether more is promised than there is, and not just for a moment."""
        return self.available < 0 and self.is_lasting

    @property
    def is_out(self) -> bool:
        """Whether there is nothing left to sell."""
        return self.available <= 0

    @property
    def is_below_reorder(self) -> bool:
        """Whether it should have been ordered again."""
        return self.reorder_point is not None and self.available < self.reorder_point

    @property
    def days_of_cover(self) -> float | None:
        """How long the units last at the rate of late; None: nothing was sold, or too little is known."""
        return self.available / self.units_per_day if self.units_per_day else None


@dataclass(frozen=True)
class Stock:
    """The chosen shelves, those that run out first in front; `rate_days`: of history the rates are of (None: < 1)."""

    shelves: tuple[Shelf, ...]
    rate_days: float | None

    @property
    def oversold_units(self) -> int:
        """Units promised that are not there."""
        return -sum(shelf.available for shelf in self.shelves if shelf.is_oversold)


def read_stock(db: MongoDatabase, filters: Filters, now: datetime) -> Stock:
    """The shelves now; of the filters it honours the warehouse and the category (the product's of today).

    A shelf is oversold when it was below zero for a minute, as the alert rules remember it; while these are not
    evaluated, every shelf below zero is.
    """
    described = {row["_id"]: row for row in db[PRODUCTS].find({}, {"name": 1, "category": 1})}
    places = {"warehouse_id": {"$in": list(filters.warehouses)}} if filters.warehouses else {}
    known = {(row["warehouse_id"], row["product_id"]): row for row in db[INVENTORY].find(places)}
    moved = _moves(db[STOCK].find(places))
    rate_days, sold = _sold(db, filters, now)
    since = _negative_since(db, now)
    shelves = []
    for place in known.keys() | moved.keys():
        product, row = described.get(place[1], {}), known.get(place, {})
        category = product.get("category", UNKNOWN)
        if filters.category in (None, category):
            shelves.append(
                Shelf(
                    warehouse_id=place[0],
                    product_id=place[1],
                    name=product.get("name", f"Product {place[1]}"),
                    category=category,
                    opening=row.get("opening", 0),
                    moves=moved.get(place, Moves()),
                    reorder_point=row.get("reorder_point"),
                    is_lasting=since is None or _is_old(since.get(entity_of(*place)), now),
                    units_per_day=sold.get(place, 0) / rate_days if rate_days else None,
                )
            )
    return Stock(tuple(sorted(shelves, key=_urgency)), rate_days)


def cover_by_category(shelves: Iterable[Shelf]) -> dict[tuple[int, str], float | None]:
    """Days of cover per warehouse and category: all its units ÷ all its sales per day."""
    units: defaultdict[tuple[int, str], int] = defaultdict(int)
    sold: defaultdict[tuple[int, str], float] = defaultdict(float)
    for shelf in shelves:
        units[shelf.warehouse_id, shelf.category] += shelf.available
        sold[shelf.warehouse_id, shelf.category] += shelf.units_per_day or 0
    return {key: units[key] / sold[key] if sold[key] else None for key in sorted(units)}


def _urgency(shelf: Shelf) -> tuple[bool, float, int, int, int]:
    cover = shelf.days_of_cover
    return cover is None, cover or 0, shelf.available, shelf.warehouse_id, shelf.product_id


def _moves(blocks: Iterable[Mapping[str, Any]]) -> dict[Place, Moves]:
    # Plain sums first: some thirty thousand values, which as objects of their own cost five times as much.
    sums: defaultdict[Place, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for block in blocks:
        for number, moves in block.get("products", {}).items():
            shelf = sums[block["warehouse_id"], int(number)]
            for name, units in moves.items():
                shelf[name] += units
    return {place: Moves(**shelf) for place, shelf in sums.items()}


def _sold(db: MongoDatabase, filters: Filters, now: datetime) -> tuple[float | None, dict[Place, int]]:
    """Days of history, at most those of the last seven UTC days with today, and the units sold in them per shelf."""
    begun = data_start(db)
    today = midnight(now)
    first = today - (_RATE_DAYS - 1) * DAY
    days = (now - max(first, begun)) / DAY if begun else 0
    if days < 1:
        return None, {}
    match: dict[str, Any] = {"_id": id_range(Grain.DAY, Window(first, today + DAY), f"{Grain.DAY.label}/")}
    if filters.warehouses:
        match["warehouse_id"] = {"$in": list(filters.warehouses)}
    rows = Source(KPI_PRODUCT, match).aggregate(
        db,
        {"$project": {"warehouse_id": 1, "sold": {"$objectToArray": "$products"}}},
        {"$unwind": "$sold"},
        {"$group": {"_id": {"at": "$warehouse_id", "of": "$sold.k"}, "units": {"$sum": "$sold.v.units"}}},
    )
    return days, {(row["_id"]["at"], int(row["_id"]["of"])): row["units"] for row in rows}


def _negative_since(db: MongoDatabase, now: datetime) -> Mapping[str, datetime] | None:
    """Since when shelves are below zero, by their name in the alerts; None: the rules are not evaluated."""
    row = db[ALERTS].find_one({"_id": EVALUATOR}, {"evaluated_at": 1, "negative_since": 1})
    if row is None or now - row["evaluated_at"] >= UNWATCHED_AFTER:
        return None
    since: Mapping[str, datetime] = row["negative_since"]
    return since


def _is_old(since: datetime | None, now: datetime) -> bool:
    return since is not None and now - since >= OVERSOLD_AFTER
