"""What the archive holds and is doing: figures of MongoDB only, no file is opened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.queries.buckets import id_range, instants
from dashboard.ranges import DAY, Window
from ecom_platform.archive.layout import file_day
from ecom_platform.kpi import Grain
from ecom_platform.store.client import MongoDatabase, storage_stats
from ecom_platform.store.collections import KPI_CUBE, ORDERS, ORDERS_ARCHIVE_SUMMARY
from ecom_platform.store.late_events import count_waiting
from ecom_platform.store.manifests import FINISHED, Manifest, read_manifests

_MOST_ROWS = 20


@dataclass(frozen=True)
class SummaryRow:
    """One day of a finished run; `seconds` are its share of the run's."""

    run: str
    day: str
    rows: int
    bytes: int
    files: int
    seconds: float
    mb_per_second: float
    at: datetime


@dataclass(frozen=True)
class ArchivedDay:
    """What counts as cold of one UTC day."""

    files: int = 0
    rows: int = 0
    bytes: int = 0

    def __add__(self, other: ArchivedDay) -> ArchivedDay:
        return ArchivedDay(self.files + other.files, self.rows + other.rows, self.bytes + other.bytes)


@dataclass(frozen=True)
class Archiving:
    """The archive at one instant; `running` are the runs that have not ended, oldest first."""

    orders_bytes: int
    waiting_late_events: int
    running: tuple[Manifest, ...]
    days: Mapping[str, ArchivedDay]
    summary: tuple[SummaryRow, ...]


@dataclass(frozen=True)
class Layer:
    """Where the orders of one UTC day are.

    Attributes:
        placed: on that day, as the rollups know for ever.
        archived: rows in files that count.
        is_hot: whether any order of the day is in MongoDB.
    """

    day: datetime
    placed: int
    archived: int
    is_hot: bool

    @property
    def where(self) -> str:
        """`hot`, `archived`, `both`; `gap`: nothing was ever placed; `missing`: something was, and is nowhere."""
        if self.archived:
            return "both" if self.is_hot else "archived"
        return "hot" if self.is_hot else "missing" if self.placed else "gap"


def archiving(db: MongoDatabase) -> Archiving:
    """Sizes, runs and days."""
    manifests = read_manifests(db)
    rows = db[ORDERS_ARCHIVE_SUMMARY].find({}).sort([("at", -1), ("_id", -1)]).limit(_MOST_ROWS)
    return Archiving(
        int(storage_stats(db, ORDERS).get("size", 0)),  # as the archive's watermarks count them
        count_waiting(db),
        tuple(manifest for manifest in manifests if manifest.state not in FINISHED),
        _days(manifests),
        tuple(SummaryRow(**{name: row[name] for name in SummaryRow.__annotations__}) for row in rows),
    )


def layers(db: MongoDatabase, window: Window) -> list[Layer]:
    """Each day of `window` in order, by the orders placed on it and the rows in files that count."""
    archived = _days(read_manifests(db))
    prefix = f"P/{Grain.DAY.label}/"
    orders = {"$sum": {"$map": {"input": {"$objectToArray": "$payment"}, "as": "one", "in": "$$one.v.orders"}}}
    rows = db[KPI_CUBE].aggregate(
        [
            {"$match": {"_id": id_range(Grain.DAY, window, prefix)}},
            {"$group": {"_id": "$t", "orders": {"$sum": orders}}},
        ]
    )
    placed = {row["_id"]: row["orders"] for row in rows}
    return [
        Layer(day, placed.get(day, 0), archived.get(f"{day:%Y-%m-%d}", ArchivedDay()).rows, _is_hot(db, day))
        for day in instants(window, Grain.DAY)
    ]


def _is_hot(db: MongoDatabase, day: datetime) -> bool:
    return db[ORDERS].find_one({"order_time": {"$gte": day, "$lt": day + DAY}}, {"_id": 1}) is not None


def _days(manifests: list[Manifest]) -> dict[str, ArchivedDay]:
    found: defaultdict[str, ArchivedDay] = defaultdict(ArchivedDay)
    for manifest in manifests:
        if manifest.is_cold:
            for file in manifest.files:
                found[file_day(file.path)] += ArchivedDay(1, file.rows, file.bytes)
    return dict(sorted(found.items(), reverse=True))
