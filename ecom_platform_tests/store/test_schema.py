"""Collections, views and indexes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store import collections as names

AT = datetime(2026, 11, 23, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def schema(db: MongoDatabase) -> None:
    """As every start makes it."""
    ensure_schema(db)


def order(number: int, status: str = "Pending") -> dict[str, Any]:
    """An order of two lines."""
    lines = [
        {"order_item_id": f"{number}-{line}", "product_id": line, "quantity": line, "price_cents": 100, "net_cents": 90,
         "category": "Toys"}
        for line in (1, 2)
    ]  # fmt: skip
    delivery = {"delivery_id": number, "courier_id": 5, "status": status, "expected_time": AT, "actual_time": None,
                "history": [{"status": "Pending", "at": AT}]}  # fmt: skip
    return {"_id": number, "warehouse_id": 3, "order_time": AT, "order_date": "2026-11-23", "order_items": lines,
            "delivery": delivery}  # fmt: skip


def fingerprint(db: MongoDatabase) -> dict[str, Any]:
    """Everything the schema consists of."""
    return {
        info["name"]: (
            info["options"],
            sorted(map(str, db[info["name"]].list_indexes())) if info["type"] != "view" else 0,
        )
        for info in db.list_collections()
        if info["name"] != "system.views"
    }


def stages(db: MongoDatabase, name: str, query: dict[str, Any]) -> str:
    """The plan of a query, as text."""
    return str(db.command("explain", {"find": name, "filter": query}, verbosity="queryPlanner"))


def test_running_it_again_changes_nothing(db: MongoDatabase) -> None:
    """Every start runs it."""
    before = fingerprint(db)
    ensure_schema(db)

    assert fingerprint(db) == before
    assert set(names.COLLECTIONS) | set(names.VIEWS) <= set(before)


def test_an_older_view_or_index_is_brought_up_to_date(db: MongoDatabase) -> None:
    """An upgrade needs no manual step."""
    wanted = fingerprint(db)
    db.command("collMod", names.DELIVERIES, viewOn=names.ORDERS, pipeline=[{"$limit": 1}])
    db[names.KPI_MINUTE].drop_index("t_expires")
    db[names.KPI_MINUTE].create_index([("t", 1)], name="t_expires", expireAfterSeconds=60)
    ensure_schema(db)

    assert fingerprint(db) == wanted


def test_order_items_shows_one_row_per_line(db: MongoDatabase) -> None:
    """The flat table of the analysts."""
    db[names.ORDERS].insert_many([order(1), order(2)])
    rows = list(db[names.ORDER_ITEMS].find({"order_id": 2}).sort("order_item_id"))

    assert [(row["order_id"], row["order_item_id"], row["quantity"], row["net_cents"]) for row in rows] == [
        (2, "2-1", 1, 90),
        (2, "2-2", 2, 90),
    ]
    assert db[names.ORDER_ITEMS].count_documents({}) == 4


def test_deliveries_shows_one_row_per_order(db: MongoDatabase) -> None:
    """With the status of now."""
    db[names.ORDERS].insert_many([order(1), order(2, "Shipped")])
    rows = db[names.DELIVERIES].find({}).sort("order_id")

    assert [(row["order_id"], row["delivery_id"], row["status"]) for row in rows] == [
        (1, 1, "Pending"),
        (2, 2, "Shipped"),
    ]


@pytest.mark.parametrize("view", names.VIEWS)
def test_a_view_finds_an_order_without_reading_all(db: MongoDatabase, view: str) -> None:
    """The filter on `order_id` reaches the index of `orders`."""
    db[names.ORDERS].insert_many([order(number) for number in range(1, 50)])
    plan = stages(db, view, {"order_id": 7})

    assert "COLLSCAN" not in plan


def test_late_orders_are_found_among_the_open_ones_only(db: MongoDatabase) -> None:
    """The index holds no delivered order, however many there are."""
    db[names.ORDERS].insert_many([order(1), order(2, "Delivered"), order(3, "Cancelled"), order(4, "Shipped")])
    late = {"delivery.status": {"$in": ["Pending", "Shipped"]}, "delivery.expected_time": {"$lt": datetime.now(UTC)}}
    plan = db.command("explain", {"find": names.ORDERS, "filter": late}, verbosity="executionStats")

    assert "open_expected_time" in str(plan)
    assert plan["executionStats"]["nReturned"] == 2
    assert plan["executionStats"]["totalDocsExamined"] == 2


def test_day_documents_are_kept_for_ever_and_half_hours_are_not(db: MongoDatabase) -> None:
    """Only documents with `expires_at` are in the expiring index."""
    for name in (names.KPI_CUBE, names.KPI_PRODUCT):
        index = db[name].index_information()["expires_at_expires"]

        assert (index["expireAfterSeconds"], index["sparse"]) == (0, True)


def test_minutes_live_three_days_and_the_intake_eight(db: MongoDatabase) -> None:
    """Seconds, counted by hand."""
    assert db[names.KPI_MINUTE].index_information()["t_expires"]["expireAfterSeconds"] == 259_200
    assert db[names.INGEST_MINUTE].index_information()["t_expires"]["expireAfterSeconds"] == 691_200
