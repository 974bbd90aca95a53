"""Random stored orders in every state and history, as plain documents, and the rollups as they are stored."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ecom_platform.kpi import Rollups, accumulate
from ecom_platform.store import MongoDatabase
from ecom_platform.store.rollups import add_increments

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
LIVES = (
    ("Pending",),
    ("Pending", "Shipped"),
    ("Pending", "Shipped", "Delivered"),
    ("Pending", "Shipped", "Delivered", "Returned"),
    ("Pending", "Shipped", "Returned"),
    ("Pending", "Delivered"),
    ("Pending", "Delivered", "Returned"),
    ("Pending", "Returned"),
    ("Pending", "Cancelled"),
    ("Pending", "Shipped", "Cancelled"),
)
"""Every history an order can have."""

Document = dict[str, Any]


def random_order(chance: random.Random, order_id: int, life: tuple[str, ...] | None = None, days: int = 12) -> Document:
    """An order placed in the last `days` days that has gone through `life`; few dimensions, so that many share keys."""
    placed_at = NOW - timedelta(milliseconds=chance.randrange(days * 86_400_000))
    if chance.random() < 0.2:  # exactly on the edge of a bucket
        placed_at = placed_at.replace(minute=chance.choice((0, 30)), second=0, microsecond=0)
    lines = [_line(chance, order_id, number) for number in range(chance.randint(1, 5))]
    subtotal = sum(line["quantity"] * line["price_cents"] for line in lines)
    discount = sum(line["quantity"] * line["price_cents"] - line["net_cents"] for line in lines)
    order: Document = {
        "_id": order_id,
        "user_id": chance.randint(1, 9),
        "warehouse_id": chance.randint(1, 2),
        "order_time": placed_at,
        "order_date": placed_at.date().isoformat(),
        "quantity": sum(line["quantity"] for line in lines),
        "subtotal_cents": subtotal,
        "discount_cents": discount,
        "total_cents": subtotal - discount,
        "payment_type": chance.choice(("Cash", "Credit Card", "Wallet")),
        "user_city": chance.choice(("Oslo", "St. Gallen", "$ville", "unknown")),
        "order_items": lines,
        "delivery": {
            "delivery_id": order_id,
            "courier_id": chance.randint(1, 3),
            "status": "Pending",
            "expected_time": placed_at + timedelta(minutes=chance.randrange(2_000)),
            "actual_time": None,
            "history": [{"status": "Pending", "at": placed_at}],
        },
        "version": 1,
    }
    for status in (life or chance.choice(LIVES))[1:]:
        order = take_step(chance, order, status)
    return order


def take_step(chance: random.Random, order: Document, status: str) -> Document:
    """A copy of the order after a step; arrivals are up to five days early or late."""
    delivery = order["delivery"]
    at = delivery["history"][-1]["at"] + timedelta(milliseconds=chance.randrange(90_000_000))
    actual = delivery["actual_time"]
    if status in ("Delivered", "Returned") and actual is None:
        delay = chance.choice((0, chance.randint(-300_000, 300_000), chance.randint(-432_000_000, 432_000_000)))
        actual = delivery["expected_time"] + timedelta(milliseconds=delay)
        at = actual if status == "Delivered" else at
    history = [*delivery["history"], {"status": status, "at": at}]
    return {**order, "delivery": {**delivery, "status": status, "actual_time": actual, "history": history}}


def rollups_of(orders: Iterable[Mapping[str, Any]]) -> Rollups:
    """What these orders count for, folded."""
    rollups = Rollups()
    for order in orders:
        accumulate(rollups, order, 1)
    return rollups


def add_rollups(db: MongoDatabase, orders: Iterable[Mapping[str, Any]], partition: int, now: datetime) -> None:
    """Add them to the stored rollups of a partition, as the stream does."""
    with db.client.start_session() as session:
        add_increments(db, rollups_of(orders).increments(partition, now), session)


def stored_rollups(db: MongoDatabase) -> Counter[tuple[str, str, str]]:
    """Every amount of the rollups that is not zero, by collection, document and path, summed over partitions."""
    found: Counter[tuple[str, str, str]] = Counter()
    for collection in ("kpi_minute", "kpi_cube", "kpi_product", "stock"):
        for document in db[collection].find():
            tree = {name: value for name, value in document.items() if isinstance(value, dict)}
            for path, amount in _leaves(tree):
                found[collection, document["_id"].rpartition("/")[0], path] += amount
    return Counter({key: amount for key, amount in found.items() if amount})


def stored_daily(db: MongoDatabase, day: str) -> dict[tuple[str, str], dict[str, float]]:
    """What `kpi_daily` holds for a day."""
    head = ("_id", "day", "subject", "member", "at")
    found = {}
    for row in db.kpi_daily.find({"day": day}):
        amounts = {name: value for name, value in row.items() if name not in head and value}
        found[row["subject"], row["member"]] = amounts
    return {key: amounts for key, amounts in found.items() if amounts}


def _leaves(tree: Document, prefix: str = "") -> Iterable[tuple[str, int]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _line(chance: random.Random, order_id: int, number: int) -> Document:
    quantity, price = chance.randint(1, 4), chance.choice((0, chance.randint(1, 9_999)))
    return {
        "order_item_id": f"{order_id}-{number}",
        "product_id": chance.choice((1, 2, 49, 50, 51)),
        "quantity": quantity,
        "price_cents": price,
        "net_cents": chance.randint(0, quantity * price),
        "category": chance.choice(("Books", "Toys & Games", "a.b", "unknown")),
    }
