"""The figures over hot and cold orders, against plain loops over the same orders and against the live rollups."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecom_platform.errors import AccountingError, UsageError
from ecom_platform.history.kpi import answer_kpis
from ecom_platform.history.question import Filters, KpiQuestion, parse_time
from ecom_platform.kpi.figures import delay_percentile_seconds
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.kpi.stored import NOW, random_order
from ecom_platform_tests.oracle.kpis import naive_kpis

FIRST = datetime(2026, 11, 19, tzinfo=UTC)
LAST = datetime(2026, 11, 22, tzinfo=UTC)
ODD_START = datetime(2026, 11, 19, 3, 17, 5, 250_000, tzinfo=UTC)
ODD_END = datetime(2026, 11, 21, 22, 1, tzinfo=UTC)
ASKED: tuple[tuple[datetime, datetime, datetime, Filters], ...] = (
    (FIRST, LAST, NOW, Filters()),
    (ODD_START, ODD_END, NOW, Filters()),
    (FIRST, LAST, datetime(2026, 11, 20, 13, 44, tzinfo=UTC), Filters()),
    (FIRST, LAST, NOW, Filters(category="Books")),
    (FIRST, LAST, NOW, Filters(warehouses=(2,), couriers=(1, 3), payments=("Cash", "Wallet"))),
    (FIRST, LAST, NOW, Filters(warehouses=(1, 2), couriers=(2,), category="a.b", payments=("Credit Card",))),
    (FIRST, LAST, NOW, Filters(category="nobody sells this")),
    (NOW + timedelta(days=90), NOW + timedelta(days=91), NOW, Filters()),
)


@pytest.fixture
def orders(db: MongoDatabase) -> list[dict[str, Any]]:
    """Orders in every state over five days, hot; half of the products are described."""
    ensure_schema(db)
    chance = random.Random(11)
    found = [random_order(chance, number, days=5) for number in range(1, 601)]
    db.orders.insert_many(found)
    db.products.insert_many([{"_id": 1, "name": "Atlas"}, {"_id": 50, "name": "Kettle"}])
    return found


def ask(settings: Settings, db: MongoDatabase, asked: tuple[datetime, datetime, datetime, Filters]) -> dict[str, Any]:
    """The answer to one of the questions."""
    return answer_kpis(settings, db, KpiQuestion.ask(*asked))


def expected(orders: Iterable[dict[str, Any]], asked: tuple[datetime, datetime, datetime, Filters]) -> dict[str, Any]:
    """The naive answer."""
    start, end, as_of, filters = asked
    return naive_kpis(
        orders,
        start,
        end,
        as_of,
        warehouses=filters.warehouses,
        couriers=filters.couriers,
        category=filters.category,
        payments=filters.payments,
    )


def compared(answer: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The part of an answer that the naive one has."""
    figures = {name: answer[name] for name in names}
    figures["top_products"] = [{k: v for k, v in row.items() if k != "name"} for row in answer["top_products"]]
    return figures


def test_every_figure_is_that_of_plain_loops_wherever_the_orders_are(
    settings: Settings, db: MongoDatabase, orders: list[dict[str, Any]]
) -> None:
    """All hot; some archived; some committed but not yet purged; and only `sources` tells them apart."""
    hot = [ask(settings, db, asked) for asked in ASKED]
    handmade.archive(settings, db, range(1, 250), "run-1")
    handmade.commit(settings, db, range(250, 400), "run-2")
    handmade.purge(db, "run-2", range(250, 300))
    db.archive_manifests.update_one({"_id": "run-2"}, {"$set": {"state": "PURGING"}})

    mixed = [ask(settings, db, asked) for asked in ASKED]

    for asked, before, after in zip(ASKED, hot, mixed, strict=True):
        naive = expected(orders, asked)
        assert compared(before, naive) == naive
        assert {**before, "sources": None} == {**after, "sources": None}
        assert before["sources"] == {"hot_orders": before["orders"], "cold_orders": 0, "late_events": 0}
        assert after["sources"]["hot_orders"] + after["sources"]["cold_orders"] == before["orders"]
    in_range = [order["_id"] for order in orders if FIRST <= order["order_time"] < LAST]
    assert mixed[0]["sources"]["cold_orders"] == sum(order_id < 300 for order_id in in_range)


def test_an_order_that_came_back_counts_once_in_its_new_state(
    settings: Settings, db: MongoDatabase, orders: list[dict[str, Any]]
) -> None:
    """Superseded in its first run, hot for a while, then archived again by a second run."""
    handmade.archive(settings, db, range(1, 301), "run-1")
    changed = [{**order, "total_cents": order["total_cents"] + 1} for order in orders if order["_id"] <= 20]
    db.orders.insert_many(changed)
    ids = [order["_id"] for order in changed]
    db.archive_manifests.update_one({"_id": "run-1"}, {"$set": {"superseded": handmade.bitmap(ids)}})
    naive = expected([*changed, *(order for order in orders if order["_id"] > 20)], ASKED[0])

    once_hot = ask(settings, db, ASKED[0])
    handmade.archive(settings, db, ids, "run-2")
    twice_cold = ask(settings, db, ASKED[0])

    assert compared(once_hot, naive) == naive
    assert compared(twice_cold, naive) == naive


def test_an_order_of_three_lines_is_one_order(settings: Settings, db: MongoDatabase) -> None:
    """The fan-out mistake: money and orders are summed per order, never after unfolding its lines."""
    ensure_schema(db)
    order = random_order(random.Random(1), 1, ("Pending", "Delivered"))
    line = {"product_id": 1, "quantity": 2, "price_cents": 500, "net_cents": 900, "category": "Books"}
    order |= {
        "order_items": [{**line, "order_item_id": f"1-{number}"} for number in range(3)],
        "quantity": 6,
        "subtotal_cents": 3000,
        "discount_cents": 300,
        "total_cents": 2700,
    }
    db.orders.insert_one(order)

    answer = ask(settings, db, (NOW - timedelta(days=30), NOW, NOW, Filters()))

    assert (answer["orders"], answer["revenue_cents"], answer["discount_cents"], answer["units"]) == (1, 2700, 300, 6)
    assert answer["by_category"] == {"Books": {"units": 6, "gross_cents": 3000, "net_cents": 2700, "orders": 1}}
    assert answer["by_payment_type"][order["payment_type"]] == {"orders": 1, "revenue_cents": 2700, "placed": 1}


def test_an_order_that_is_there_twice_is_an_error_and_not_a_figure(
    settings: Settings, db: MongoDatabase, orders: list[dict[str, Any]]
) -> None:
    """Hot again without being superseded in a finished run: no program does that, and no sum may take it in."""
    handmade.archive(settings, db, range(1, 100))
    db.orders.insert_many([order for order in orders if order["_id"] == 50])

    with pytest.raises(AccountingError, match="1 orders came twice"):
        ask(settings, db, (NOW - timedelta(days=60), NOW, NOW, Filters()))


def test_a_filter_that_a_part_cannot_honour_is_named(
    settings: Settings, db: MongoDatabase, orders: list[dict[str, Any]]
) -> None:
    """Never a silently unfiltered figure."""
    answer = ask(settings, db, (FIRST, LAST, NOW, Filters(couriers=(1,), category="Books")))

    assert answer["ignored_filters"] == {
        "by_status": ["category"],
        "by_courier": ["category"],
        "promise": ["category"],
        "delivery_delay_seconds": ["category"],
        "by_location": ["courier", "category"],
        "top_products": ["courier"],
    }
    assert set(answer["by_courier"]) == {"1"}


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:30:00Z", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("2026-11-20T10:30:00.5+00:00", datetime(2026, 11, 20, 10, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-11-20T10:30", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2026-03-29T02:30", datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),  # an hour that Berlin's clocks leave out
    ],
)
def test_a_time_is_a_date_or_a_utc_timestamp(text: str, when: datetime) -> None:
    """A date is its first instant."""
    assert parse_time(text) == when


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: parse_time("yesterday"), "neither a date"),
        (lambda: parse_time("2026-13-01"), "neither a date"),
        (lambda: parse_time("2026-02-29"), "neither a date"),
        (lambda: parse_time("2026-11-20T10:00:00+02:00"), "not in UTC"),
        (lambda: KpiQuestion.ask(LAST, FIRST, NOW), "must be before"),
        (lambda: KpiQuestion.ask(FIRST, FIRST, NOW), "must be before"),
        (lambda: KpiQuestion.ask(FIRST, LAST, NOW, Filters(payments=("Barter",))), "Cash, Credit Card"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(wrong: Callable[[], Any], said: str) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError, match=said):
        wrong()


def test_percentiles_are_the_nearest_rank() -> None:
    """The smallest bin that at least so many of the orders reach."""
    bins = {576: 5, 577: 4, 600: 1}  # bin 576 begins at the promise

    assert [delay_percentile_seconds(bins, percent) for percent in (1, 50, 51, 90, 91, 100)] == [
        0, 0, 300, 300, 7200, 7200,
    ]  # fmt: skip
    assert delay_percentile_seconds({}, 50) is None
