"""The one writer of the dimensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from ecom_platform.store import MongoDatabase, dimension_version, load_dimensions, read_dimensions
from ecom_platform.store import collections as names


@dataclass
class Shop:
    """A small shop."""

    users: list[dict[str, Any]] = field(default_factory=lambda: [{"_id": 83, "name": "Ada", "city": "Graz"}])
    products: list[dict[str, Any]] = field(
        default_factory=lambda: [{"_id": 1, "name": "Kite", "category": "Toys", "price_cents": 17441}]
    )
    warehouses: list[dict[str, Any]] = field(default_factory=lambda: [{"_id": 3, "name": "North", "city": "Linz"}])
    couriers: list[dict[str, Any]] = field(default_factory=lambda: [{"_id": 5, "name": "Eve", "warehouse_id": 3}])
    inventory: list[dict[str, Any]] = field(
        default_factory=lambda: [{"_id": "3-1", "warehouse_id": 3, "product_id": 1, "opening": 9, "reorder_point": 2}]
    )


def test_loading_twice_changes_nothing_the_second_time(db: MongoDatabase) -> None:
    """Nor does the stream have to reload."""
    assert load_dimensions(db, Shop()) == 5
    assert load_dimensions(db, Shop()) == 0
    assert dimension_version(db) == 1


def test_one_changed_row_is_one_change_and_a_new_version(db: MongoDatabase) -> None:
    """The stream sees by the version that it must reload."""
    load_dimensions(db, Shop())
    changed = load_dimensions(db, Shop(users=[{"_id": 83, "name": "Ada", "city": "Wels"}]))

    assert changed == 1
    assert dimension_version(db) == 2
    assert read_dimensions(db).user_city == {83: "Wels"}


def test_rows_that_are_not_given_stay(db: MongoDatabase) -> None:
    """Somebody else's products are not deleted by the default shop."""
    load_dimensions(db, Shop())
    load_dimensions(db, Shop(products=[{"_id": 2, "name": "Pen", "category": "Office", "price_cents": 1}]))

    assert read_dimensions(db).product_category == {1: "Toys", 2: "Office"}


def test_the_lookups_answer_what_an_event_is_enriched_with(db: MongoDatabase) -> None:
    """Category, city, names of warehouse and courier."""
    load_dimensions(db, Shop())
    tables = read_dimensions(db)

    assert tables.product_category == {1: "Toys"}
    assert tables.user_city == {83: "Graz"}
    assert tables.warehouse_name == {3: "North"}
    assert tables.courier_name == {5: "Eve"}
    assert tables.version == 1


def test_an_empty_database_has_lookups_too(db: MongoDatabase) -> None:
    """Orders may come before the dimensions: every member is unknown then."""
    tables = read_dimensions(db)

    assert (tables.version, tables.product_category, tables.warehouse_name) == (0, {}, {})


def test_a_load_that_fails_half_way_changes_nothing(db: MongoDatabase) -> None:
    """Rows without a new version would never reach the stream."""
    with pytest.raises(PyMongoError):
        load_dimensions(db, Shop(inventory=[{"_id": {"$wrong": 1}}]))

    assert db[names.USERS].count_documents({}) == 0
    assert dimension_version(db) == 0
