"""A small shop for the dashboard's tests: random orders, stored with the rollups the stream would have written."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import PyMongoError

from ecom_platform.contract import PaymentType, Status, allocate_discount
from ecom_platform.history.question import Filters
from ecom_platform.store import MongoDatabase, collections
from ecom_platform_tests.kpi.stored import add_rollups
from ecom_platform_tests.programs import until

PRODUCTS = 120
CATEGORIES = ("Books", "Garden", "Kitchen", "Toys")
CITIES = ("Lyon", "Porto", "Ghent", "Turin")
WAREHOUSES = 3
COURIERS_PER_WAREHOUSE = 2
FEWEST_OF_TODAY = 12
LONGEST_TEST = timedelta(minutes=2)
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
NOW = MIDNIGHT.replace(hour=14, minute=47, second=12)
"""The present of a shop that stands still, and the midnight before it."""
BEGUN = MIDNIGHT - 5 * DAY + timedelta(hours=10)
Order = dict[str, Any]


def orders_of_five_days() -> list[Order]:
    """Those of four complete days and two half ones up to NOW, the same ones every time.

    Some lie on the edges of ranges, some were forgotten and are late, one is due at this instant, and on one day the
    shop was off from 2 to 4 o'clock.
    """
    forgotten = NOW - timedelta(hours=8)
    found = orders_between(forgotten - timedelta(hours=1), forgotten, 30, seed=22)
    found += orders_between(BEGUN, NOW, 3000, seed=21)
    off = MIDNIGHT - 2 * DAY + timedelta(hours=2)
    found = [order for order in found if not off <= order["order_time"] < off + timedelta(hours=2)]
    edges = (MIDNIGHT, MIDNIGHT - DAY, MIDNIGHT - timedelta(milliseconds=1))
    for order, edge in zip(found[600::40], edges, strict=False):
        order["order_time"] = edge
    opened = next(order["delivery"] for order in found[::-1] if order["delivery"]["status"] == Status.PENDING)
    opened["expected_time"] = NOW
    return found


def chosen(orders: Iterable[Order], filters: Filters) -> list[Order]:
    """The orders that pass the filters of whole orders: warehouses, couriers and payment types."""
    return [
        order
        for order in orders
        if order["warehouse_id"] in (filters.warehouses or range(99))
        and order["delivery"]["courier_id"] in (filters.couriers or range(99))
        and (not filters.payments or order["payment_type"] in filters.payments)
    ]


def describe(db: MongoDatabase) -> None:
    """Store what charts call things; product 7 is left out and stays unknown."""
    rows = [{"_id": n, "name": f"Article {n}", "category": CATEGORIES[n % 4]} for n in range(PRODUCTS) if n != 7]
    db[collections.PRODUCTS].delete_many({})
    db[collections.PRODUCTS].insert_many(rows)
    for name, count in (("warehouses", WAREHOUSES), ("couriers", WAREHOUSES * COURIERS_PER_WAREHOUSE)):
        db[name].delete_many({})
        db[name].insert_many([{"_id": n, "name": f"{name[:-1].capitalize()} of {n}"} for n in range(1, count + 1)])


def orders_between(start: datetime, end: datetime, count: int, seed: int, now: datetime | None = None) -> list[Order]:
    """`count` orders placed in `[start, end)`, in the state each would be in at `now` (default `end`)."""
    draw = random.Random(seed)
    seconds = (end - start).total_seconds()
    placed = sorted(start + timedelta(milliseconds=int(draw.random() * seconds * 1000)) for _ in range(count))
    return [_order(draw, seed * 1_000_000 + n, at, now or end) for n, at in enumerate(placed)]


def store(db: MongoDatabase, orders: Sequence[Order], now: datetime) -> None:
    """Insert the orders and add their contributions to the rollups, over two partitions."""
    if orders:
        db[collections.ORDERS].insert_many(list(orders))
    for partition in (0, 1):
        add_rollups(db, (order for order in orders if order["_id"] % 2 == partition), partition, now)


def open_for_two_days(db: MongoDatabase, now: datetime) -> None:
    """Two days of orders up to `now`; some were forgotten and are late."""
    describe(db)
    orders = orders_between(now - timedelta(hours=50), now, 1500, seed=11)
    # By chance alone nothing is late at some minutes of the day, and then a chart is missing.
    forgotten = now - timedelta(hours=8)
    orders += orders_between(forgotten - timedelta(hours=1), forgotten, 30, seed=12)
    store(db, orders, now)


def sell_now(db: MongoDatabase, count: int) -> None:
    """So many more orders, placed within the last second."""
    now = datetime.now(UTC)
    seed = int(now.timestamp() * 10) % 10**9  # a million times it is still an id that the contract allows
    store(db, orders_between(now - timedelta(seconds=1), now, count, seed), now)


def sell_today(db: MongoDatabase, now: datetime) -> None:
    """Some orders of today, unless there are some: right after midnight there would be none."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    placed = db[collections.ORDERS].count_documents({"order_time": {"$gte": midnight}}, limit=FEWEST_OF_TODAY)
    if placed < FEWEST_OF_TODAY:
        start = max(midnight, now - timedelta(minutes=5))
        store(db, orders_between(start, now, FEWEST_OF_TODAY, seed=midnight.toordinal()), now)


def today_lasts() -> datetime:
    """The present, and when midnight is near the one after it: what is of today is so until the test is over."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    if midnight - now < LONGEST_TEST:
        time.sleep((midnight - now).total_seconds())
    return datetime.now(UTC)


def fill_shelves(db: MongoDatabase, opening: int = 40, received: int = 5) -> None:
    """Opening units on every shelf but those of product 9 (unknown to the inventory), and a receipt on each."""
    shelves = [(w, p) for w in range(1, WAREHOUSES + 1) for p in range(PRODUCTS) if p != 9]
    rows = [
        {"_id": f"{w}-{p}", "warehouse_id": w, "product_id": p, "opening": opening, "reorder_point": 30}
        for w, p in shelves
    ]
    db[collections.INVENTORY].insert_many(rows)
    db[collections.STOCK].insert_many(
        {
            "_id": f"{w}/{block}/7",
            "warehouse_id": w,
            "block": block,
            "products": {str(p): {"received": received} for at, p in shelves if at == w and p // 50 == block},
        }
        for w in range(1, WAREHOUSES + 1)
        for block in range((PRODUCTS + 49) // 50)
    )


def beat(db: MongoDatabase, now: datetime, *, lag: int = 0, last_record_at: datetime | None = None) -> None:
    """Write the stream's heartbeat for both partitions."""
    for partition in (0, 1):
        row = {
            "topic": "orders",
            "partition": partition,
            "next": 100,
            "end": 100 + lag,
            "lag": lag,
            "last_record_at": last_record_at or now,
            "updated_at": now,
            "batch_id": 1,
            "batch_seconds": 0.1,
            "batch_events": 3,
        }
        db[collections.PROGRESS].replace_one({"_id": f"orders-{partition}"}, row, upsert=True)


def beat_until(db: MongoDatabase, condition: Callable[[], bool]) -> None:
    """Write heartbeats, as the stream does, until it is so; MongoDB takes none during the election after its start."""

    def so_after_a_beat() -> bool:
        with suppress(PyMongoError):
            beat(db, datetime.now(UTC))
        return condition()

    until("it is so while the stream reports", so_after_a_beat, 120)


def _order(draw: random.Random, order_id: int, placed: datetime, now: datetime) -> Order:
    warehouse = draw.randrange(WAREHOUSES) + 1
    courier = (warehouse - 1) * COURIERS_PER_WAREHOUSE + draw.randrange(COURIERS_PER_WAREHOUSE) + 1
    lines = [
        (min(int(draw.expovariate(0.05)), PRODUCTS - 1), draw.randrange(1, 4), draw.randrange(300, 9000))
        for _ in range(draw.randrange(1, 5))
    ]
    gross = [quantity * price for _, quantity, price in lines]
    discount = draw.choice((0, 0, 0, sum(gross) // 10))
    net = [amount - cut for amount, cut in zip(gross, allocate_discount(gross, discount), strict=True)]
    return {
        "_id": order_id,
        "user_id": draw.randrange(500),
        "warehouse_id": warehouse,
        "order_time": placed,
        "order_date": f"{placed:%Y-%m-%d}",
        "quantity": sum(quantity for _, quantity, _ in lines),
        "subtotal_cents": sum(gross),
        "discount_cents": discount,
        "total_cents": sum(gross) - discount,
        "payment_type": draw.choices([kind.value for kind in PaymentType], (20, 40, 15, 25))[0],
        "user_city": draw.choice(CITIES),
        "order_items": [
            {
                "order_item_id": f"{order_id}-{position}",
                "product_id": product,
                "quantity": quantity,
                "price_cents": price,
                "net_cents": net[position],
                # As the stream stores it: product 7 has no description yet.
                "category": "unknown" if product == 7 else CATEGORIES[product % 4],
            }
            for position, (product, quantity, price) in enumerate(lines)
        ],
        "delivery": _delivery(draw, order_id, courier, placed, now),
    }


def _delivery(draw: random.Random, order_id: int, courier: int, placed: datetime, now: datetime) -> dict[str, Any]:
    expected = placed + timedelta(hours=6)
    life: list[tuple[datetime, Status]] = [(placed, Status.PENDING)]
    if draw.random() < 0.05:
        life.append((placed + timedelta(minutes=draw.randrange(5, 60)), Status.CANCELLED))
    else:
        life.append((placed + timedelta(minutes=draw.randrange(20, 120)), Status.SHIPPED))
        # One in a hundred arrives to the second, which is on time.
        delay = timedelta(0) if draw.random() < 0.01 else timedelta(minutes=draw.gauss(-60, 50))
        life.append((max(expected + delay, life[1][0] + timedelta(minutes=5)), Status.DELIVERED))
        if draw.random() < 0.03:
            life.append((life[2][0] + timedelta(hours=3), Status.RETURNED))
    happened = [(at, status) for at, status in life if at <= now] or life[:1]
    arrived = [at for at, status in happened if status is Status.DELIVERED]
    return {
        "delivery_id": order_id,
        "courier_id": courier,
        "status": happened[-1][1].value,
        "expected_time": expected,
        "actual_time": arrived[0] if arrived else None,
        "history": [{"status": status.value, "at": at} for at, status in happened],
    }
