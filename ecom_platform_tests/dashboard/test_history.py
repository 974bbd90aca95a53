"""History: days and hours counted by hand, the verification of a range, and the page in a real browser."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from dashboard import formats
from dashboard.queries.history import daily, days_of, week_hours
from dashboard.queries.verify import Verdict, verify
from dashboard.ranges import Preset, Window, resolve
from dashboard.verify_card import Verifications
from ecom_platform.history.question import Filters
from ecom_platform.settings import Settings
from ecom_platform.store import collections
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import opened
from ecom_platform_tests.dashboard.shop import BEGUN, DAY, MIDNIGHT, NOW


def placed_in(orders, start, end):
    """The orders of a window."""
    return [order for order in orders if start <= order["order_time"] < end]


def test_days_and_the_days_before_are_counted_by_hand(filled, orders):
    """Revenue of each day; of the days before, only those from the first order on."""
    window = Window(MIDNIGHT - 2 * DAY, MIDNIGHT + DAY)

    found = daily(filled, window, Filters(warehouses=(2,)))

    for bucket in [*found.buckets, *found.before]:
        inside = [order for order in placed_in(orders, bucket.at, bucket.at + DAY) if order["warehouse_id"] == 2]
        valid = [order for order in inside if order["delivery"]["status"] != "Cancelled"]
        assert bucket.total.orders == len(inside)
        assert bucket.total.revenue_cents == sum(order["total_cents"] for order in valid)
    assert [bucket.at for bucket in found.buckets] == [MIDNIGHT - 2 * DAY, MIDNIGHT - DAY, MIDNIGHT]
    assert [bucket.at for bucket in found.before] == [MIDNIGHT - 5 * DAY, MIDNIGHT - 4 * DAY, MIDNIGHT - 3 * DAY]


def test_hours_before_the_first_order_and_those_to_come_are_unknown(filled, orders):
    """An hour without orders is zero only when somebody was there to record them."""
    found = week_hours(filled, NOW, Filters())

    assert len(found) == 7 * 24
    for hour in found:
        expected = len(placed_in(orders, hour.at, hour.at + timedelta(hours=1)))
        known = BEGUN.replace(minute=0) <= hour.at <= NOW
        assert hour.orders == (expected if known else None)


@pytest.mark.parametrize(
    ("preset", "first"),
    [(Preset.TODAY, MIDNIGHT - 29 * DAY), (Preset.HOUR, MIDNIGHT - 29 * DAY), (Preset.WEEK, MIDNIGHT - 6 * DAY)],
)
def test_a_short_range_shows_the_last_thirty_days(preset, first):
    """One bar is no history; longer ranges are taken as they are."""
    assert days_of(resolve(preset, NOW), NOW) == Window(first, MIDNIGHT + DAY)


@pytest.mark.parametrize(
    "filters", [Filters(), Filters(warehouses=(1,), payments=("Cash",)), Filters(category="Toys", couriers=(2, 3))]
)
def test_screens_equal_the_orders(filled, orders, filters):
    """Fourteen figures and more, each computed in two ways, with filters too."""
    window = Window(MIDNIGHT - 6 * DAY, MIDNIGHT + DAY)

    found = verify(Settings(_env_file=None), filled, window, filters, NOW)

    assert found.differing == []
    assert len(found.figures) >= 14
    assert found.figures[0].from_facts > 0
    if filters == Filters():
        assert (found.hot_orders, found.cold_orders) == (len(orders), 0)
        assert found.figures[0].on_screen == len(orders)


def test_a_cent_too_many_is_found(shop_db):
    """One rollup document says one cent more than the orders: revenue differs, and nothing else."""
    shop.store(shop_db, shop.orders_between(MIDNIGHT - DAY, MIDNIGHT, 50, seed=3, now=NOW), NOW)
    document = shop_db[collections.KPI_CUBE].find_one({"basis": "P", "grain": "day", "payment.Cash": {"$exists": True}})
    added = {"$inc": {"payment.Cash.revenue_cents": 1}}
    shop_db[collections.KPI_CUBE].update_one({"_id": document["_id"]}, added)

    found = verify(Settings(_env_file=None), shop_db, Window(MIDNIGHT - DAY, MIDNIGHT), Filters(), NOW)

    (revenue,) = found.differing
    assert (revenue.name, revenue.on_screen - revenue.from_facts) == ("Revenue", 1)


def test_who_asks_what_is_being_answered_waits_for_the_same_answer():
    """Asking returns at once; a second reader's click costs nothing."""
    go_on, asked = threading.Event(), []
    week = Window(MIDNIGHT - 7 * DAY, MIDNIGHT)

    def answer(window, filters, now):
        asked.append(window)
        assert go_on.wait(30)
        return Verdict(window, filters, (), 0, 0, 0.0)

    verifications = Verifications(answer)
    first, second = (verifications.ask(week, Filters()) for _ in range(2))
    assert first is second
    assert not first.future.done()

    go_on.set()
    assert first.future.result(30).differing == []
    assert verifications.ask(week, Filters()) is not first
    assert asked[0] == week


def test_each_day_says_where_it_is_stored(browser, address, live_shop):
    """The line under the days counts them by where their orders are."""
    with opened(browser, f"{address}/history") as found:
        expect(found.card("daily")).to_contain_text("in the last 30 days (UTC) · ")


def test_the_button_verifies_the_range(browser, address, live_shop):
    """The verdict names the range and how many orders were read."""
    total = formats.count(live_shop.orders.count_documents({}))
    with opened(browser, f"{address}/history?range=7+d") as found:
        button = found.page.get_by_role("button", name="Verify this range")
        button.click()
        expect(found.card("verify")).to_contain_text("equal to the cent")
        expect(found.card("verify")).to_contain_text(f"read {total} live orders and 0 archived orders")
        expect(button).to_be_enabled()
