"""Inventory: every figure counted by hand from receipts and orders, and the page in a real browser."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from dashboard import formats
from dashboard.queries.stock import cover_by_category, read_stock
from ecom_platform.history.question import Filters
from ecom_platform.store import collections
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.alert_rows import evaluated
from ecom_platform_tests.dashboard.browser import opened, take_by_typing
from ecom_platform_tests.dashboard.shop import BEGUN, DAY, NOW


def units_of(orders, states):
    """Units by (warehouse, product) in the orders that are in one of these states."""
    found = Counter()
    for order in orders:
        if order["delivery"]["status"] in states:
            for line in order["order_items"]:
                found[order["warehouse_id"], line["product_id"]] += line["quantity"]
    return found


def test_every_shelf_equals_a_count_of_the_orders(filled, orders):
    """On hand, reserved and available are opening and receipts minus what the orders took, in every shelf."""
    found = {(shelf.warehouse_id, shelf.product_id): shelf for shelf in read_stock(filled, Filters(), NOW).shelves}
    left = units_of(orders, {"Shipped", "Delivered"})
    reserved = units_of(orders, {"Pending"})

    assert len(found) >= shop.WAREHOUSES * (shop.PRODUCTS - 1)
    for place, shelf in found.items():
        came = 0 if place[1] == 9 else 45
        assert shelf.on_hand == came - left[place]
        assert shelf.moves.reserved == reserved[place]
        assert shelf.available == came - left[place] - reserved[place]
        assert shelf.is_below_reorder == (place[1] != 9 and shelf.available < 30)


def test_days_of_cover_are_units_over_units_sold_per_day(filled, orders):
    """Cancelled orders are no sales; the history is as long as it is; the shortest cover stands first."""
    stock = read_stock(filled, Filters(), NOW)
    days = (NOW - BEGUN) / DAY
    sold = units_of(orders, {"Pending", "Shipped", "Delivered", "Returned"})

    assert stock.rate_days == pytest.approx(days)
    for shelf in stock.shelves:
        per_day = sold[shelf.warehouse_id, shelf.product_id] / days
        assert shelf.days_of_cover == (pytest.approx(shelf.available / per_day) if per_day else None)
    covers = [shelf.days_of_cover for shelf in stock.shelves if shelf.days_of_cover is not None]
    assert covers == sorted(covers)
    assert all(shelf.days_of_cover is None for shelf in stock.shelves[len(covers) :])


def test_cover_of_a_category_is_of_all_its_units(filled):
    """Units of a warehouse's category over its sales, added up shelf by shelf."""
    stock = read_stock(filled, Filters(), NOW)
    toys = [shelf for shelf in stock.shelves if (shelf.warehouse_id, shelf.category) == (2, "Toys")]
    expected = sum(shelf.available for shelf in toys) / sum(shelf.units_per_day for shelf in toys)

    assert cover_by_category(stock.shelves)[2, "Toys"] == pytest.approx(expected)
    assert (2, "unknown") in cover_by_category(stock.shelves)


def test_warehouse_and_category_choose_shelves(filled):
    """Filtered shelves are those of all that lie in the warehouse and belong to the category."""
    everything = read_stock(filled, Filters(), NOW).shelves
    chosen = read_stock(filled, Filters(warehouses=(1, 3), category="Toys"), NOW).shelves

    assert chosen == tuple(s for s in everything if s.warehouse_id in (1, 3) and s.category == "Toys")
    assert chosen


def test_cover_needs_a_day_of_history(shop_db):
    """With less than 24 hours of sales nothing is said about the days to come."""
    shop.describe(shop_db)
    shop.fill_shelves(shop_db)
    shop.store(shop_db, shop.orders_between(NOW - timedelta(hours=23), NOW, 50, seed=2), NOW)

    stock = read_stock(shop_db, Filters(), NOW)

    assert stock.rate_days is None
    assert {shelf.days_of_cover for shelf in stock.shelves} == {None}


@pytest.mark.parametrize(("below_for", "expected"), [(59.999, 0), (60, 7)])
def test_oversold_is_below_zero_for_a_minute(shop_db, below_for, expected):
    """A shelf that fell below zero a moment ago is out of stock, not oversold yet, as the alert rules have it."""
    shop.fill_shelves(shop_db, opening=0, received=0)
    taken = {"_id": "2/0/0", "warehouse_id": 2, "block": 0, "products": {"3": {"reserved": 7}}}
    shop_db[collections.STOCK].insert_one(taken)
    since = {"warehouse:2/product:3": NOW - timedelta(seconds=below_for)}
    shop_db[collections.ALERTS].insert_one({"_id": "evaluator", "evaluated_at": NOW, "negative_since": since})

    stock = read_stock(shop_db, Filters(), NOW)

    assert stock.oversold_units == expected
    assert sum(shelf.is_oversold for shelf in stock.shelves) == (expected > 0)
    assert all(shelf.is_out for shelf in stock.shelves)


def test_without_the_rules_every_shelf_below_zero_is_oversold(shop_db):
    """Since when is unknown; too much said is better than nothing."""
    taken = {"_id": "2/0/0", "warehouse_id": 2, "block": 0, "products": {"3": {"reserved": 7}}}
    shop_db[collections.STOCK].insert_one(taken)

    assert read_stock(shop_db, Filters(), NOW).oversold_units == 7


def test_figures_on_screen_are_those_of_the_shelves(browser, address, live_shop):
    """Tiles, the number of shelves, and the movements of the shelf that the keyboard chose."""
    shelves = read_stock(live_shop, Filters(warehouses=(2,)), datetime.now(UTC)).shelves
    with opened(browser, f"{address}/inventory?warehouse=2&product=5") as found:
        expect(found.card("movements")).to_contain_text("2 Warehouse of 2 · 5 Article 5")
        out = formats.count(sum(shelf.is_out for shelf in shelves))
        expect(found.tile("Out of stock")).to_have_text(out)
        below = formats.count(sum(shelf.is_below_reorder for shelf in shelves))
        expect(found.tile("Below reorder")).to_have_text(below)
        expect(found.tile("Units available")).to_have_text(formats.count(sum(shelf.available for shelf in shelves)))
        third = next(shelf for shelf in shelves if shelf.product_id == 3)
        found.card("movements").get_by_role("combobox").focus()
        take_by_typing(found.page, "· 3 Article")
        words = f"on hand {third.on_hand}, reserved {third.moves.reserved}, available {third.available}"
        expect(found.card("movements")).to_contain_text(words)


def test_a_row_stays_chosen_while_the_figures_go_on(browser, address, live_shop):
    """The row that is clicked is the shelf that is shown, also after other shelves were emptied below it."""
    evaluated(live_shop, None)  # without the rules what is below zero is oversold at once
    second = read_stock(live_shop, Filters(), datetime.now(UTC)).shelves[1]
    title = f"{second.warehouse_id} Warehouse of {second.warehouse_id} · {second.product_id} Article"
    with opened(browser, f"{address}/inventory") as found:
        rows = found.card("shelves").get_by_test_id("stDataFrame")
        rows.click(position={"x": 18, "y": 87})
        expect(found.card("movements").get_by_text(title).first).to_be_visible()
        taken = {"$inc": {"products.3.reserved": 900}}
        live_shop[collections.STOCK].update_one({"_id": "1/0/7"}, taken)
        short = read_stock(live_shop, Filters(), datetime.now(UTC)).oversold_units
        assert short >= 800
        expect(found.page.get_by_text(f"{short:,}", exact=True)).to_be_visible()
        expect(found.card("movements").get_by_text(title).first).to_be_visible()
