"""The one writer of the dimensions, and the lookup tables that enrich events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pymongo import ReplaceOne
from pymongo.client_session import ClientSession

from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.transactions import in_transaction

_VERSION_ID: Final = "dimensions"


class DimensionRows(Protocol):
    """Rows of the five dimensions; each row is the document to store, with its natural key as `_id`."""

    @property
    def users(self) -> Sequence[Mapping[str, Any]]:
        """Customers, with `city`."""

    @property
    def products(self) -> Sequence[Mapping[str, Any]]:
        """Articles, with `category` and `price_cents`."""

    @property
    def warehouses(self) -> Sequence[Mapping[str, Any]]:
        """Places that orders are sent from, with `city`."""

    @property
    def couriers(self) -> Sequence[Mapping[str, Any]]:
        """Deliverers, with the one `warehouse_id` each serves."""

    @property
    def inventory(self) -> Sequence[Mapping[str, Any]]:
        """Opening stock and reorder point per warehouse and product."""


@dataclass(frozen=True, slots=True)
class DimensionTables:
    """What an event is enriched with, as of `version`; ids that are absent are unknown members."""

    version: int
    product_category: dict[int, str]
    user_city: dict[int, str]
    warehouse_name: dict[int, str]
    courier_name: dict[int, str]


def load_dimensions(db: MongoDatabase, dimensions: DimensionRows) -> int:
    """Insert or replace every given row; rows that are not given stay. Returns how many rows changed.

    Rows and version change in one transaction: a crash between them would leave the stream with old lookups for ever,
    because the next run would find nothing to change.

    Raises:
        UnavailableError: MongoDB does not answer; nothing was changed.
    """

    def write(session: ClientSession) -> int:
        changed = sum(_replace(db, name, getattr(dimensions, name), session) for name in names.DIMENSIONS)
        if changed:
            db[names.DIMENSION_VERSION].update_one(
                {"_id": _VERSION_ID}, {"$inc": {"version": 1}}, upsert=True, session=session
            )
        return changed

    return in_transaction(db, "loading the dimensions", write)


def dimension_version(db: MongoDatabase) -> int:
    """The number of changes made to the dimensions, 0 before the first. Raises UnavailableError."""
    with mongo_errors("reading the version of the dimensions"):
        row = db[names.DIMENSION_VERSION].find_one({"_id": _VERSION_ID})
    return row["version"] if row else 0


def read_dimensions(db: MongoDatabase) -> DimensionTables:
    """Read the lookup tables. Raises UnavailableError."""
    # The version comes first: rows newer than it only mean one needless reload, older ones would stay.
    version = dimension_version(db)
    with mongo_errors("reading the dimensions"):
        return DimensionTables(
            version,
            _column(db, names.PRODUCTS, "category"),
            _column(db, names.USERS, "city"),
            _column(db, names.WAREHOUSES, "name"),
            _column(db, names.COURIERS, "name"),
        )


def _replace(db: MongoDatabase, name: str, rows: Sequence[Mapping[str, Any]], session: ClientSession) -> int:
    if not rows:
        return 0
    result = db[name].bulk_write(
        [ReplaceOne({"_id": row["_id"]}, dict(row), upsert=True) for row in rows], ordered=False, session=session
    )
    # A replacement by an equal document is not counted as modified.
    return result.modified_count + result.upserted_count


def _column(db: MongoDatabase, name: str, field: str) -> dict[int, Any]:
    return {row["_id"]: row[field] for row in db[name].find({field: {"$exists": True}}, {field: 1})}
