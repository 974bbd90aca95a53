"""While figures change nothing else does; going back and copying the address keep what was chosen."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.sync_api import expect

from dashboard import formats
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import opened, unfold_filters
from ecom_platform_tests.dashboard.revenue_chart import axes, becomes_whole, show_whole, zoom

REFRESHES = 2
CHOSEN = "range=Yesterday&warehouse=1&warehouse=2&payment=Credit+Card"
MEASURE_SHIFTS = """() => {
  window.shifted = 0;
  const add = list => list.getEntries().forEach(e => { if (!e.hadRecentInput) window.shifted += e.value; });
  new PerformanceObserver(add).observe({ type: 'layout-shift' });
}"""


def sell(db, number):
    """So many new orders, placed now; how many there are today, in all."""
    shop.sell_now(db, number)
    now = datetime.now(UTC)
    shop.beat(db, now)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return db.orders.count_documents({"order_time": {"$gte": midnight}})


def refresh(found, db, times):
    """New orders, until the page shows them, so many times."""
    for _ in range(times):
        placed = sell(db, 2)
        count = re.compile(rf"\b{formats.count(placed)} placed")
        expect(found.card("states").or_(found.card("status"))).to_contain_text(count)


def test_new_figures_leave_the_reader_in_peace(browser, address, live_shop):
    """Zoom, unfolded filters, half-typed text, focus and scroll are as before after refreshes; nothing shifts."""
    with opened(browser, address) as found:
        page = found.page
        unfold_filters(page)
        courier = page.get_by_role("combobox", name="Courier")
        expect(courier).to_be_visible()
        zoomed = zoom(page)
        main = page.get_by_test_id("stMain")
        main.evaluate("e => e.scrollTo(0, 100)")  # before the list is open: scrolling closes it
        courier.click()
        page.keyboard.type("of 4")
        page.wait_for_timeout(500)
        place = main.evaluate("e => e.scrollTop")
        page.evaluate(MEASURE_SHIFTS)

        refresh(found, live_shop, REFRESHES)

        assert axes(page) == zoomed
        expect(courier).to_be_visible()
        expect(courier).to_have_value("of 4")
        expect(courier).to_be_focused()
        assert main.evaluate("e => e.scrollTop") == place > 0
        assert page.evaluate("window.shifted") < 0.01


def test_a_product_that_is_searched_for_stays_in_the_field(browser, address, live_shop):
    """Text that was not entered yet stays in the search of the product table while its rows change below it."""
    with opened(browser, f"{address}/sales") as found:
        page = found.page
        search = page.get_by_placeholder("Name, category or number")
        search.click()
        page.keyboard.type("artic")
        place = page.get_by_test_id("stMain").evaluate("e => e.scrollTop")
        for _ in range(REFRESHES):
            before = found.tile("Booked value").inner_text()
            sell(live_shop, 2)
            expect(found.tile("Booked value")).not_to_have_text(before)
        expect(search).to_have_value("artic")
        expect(search).to_be_focused()
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollTop") == place > 0


def test_a_zoom_ends_with_a_double_click_or_another_range(browser, address, live_shop):
    """The reader's way back is Plotly's own; a part of today means nothing in yesterday."""
    with opened(browser, address) as found:
        page = found.page
        zoom(page)
        show_whole(page)
        refresh(found, live_shop, 1)
        assert axes(page)[1:] == [True, True]

        zoom(page)
        page.get_by_role("radio", name="Yesterday").click()
        expect(page).to_have_url(re.compile("range=Yesterday"))
        becomes_whole(page)


def test_back_leads_through_the_pages_with_their_filters(browser, address, live_shop):
    """Overview, Sales, Delivery, and back twice: each page with the filters that were chosen on the first."""
    chosen = re.compile(r"(?=.*range=Yesterday)(?=.*warehouse=1&warehouse=2)(?=.*payment=Credit)")
    with opened(browser, f"{address}/?{CHOSEN}") as found:
        page = found.page
        revenue = found.tile("Revenue").inner_text()
        pills = page.locator(".st-key-pills").inner_text()
        found.go_to("Sales")
        expect(found.tile("Booked value")).to_be_visible()
        found.go_to("Delivery")
        expect(found.tile("At risk 2 h")).to_be_visible()
        for mark in ("Booked value", "Units"):
            page.go_back()
            expect(found.tile(mark)).to_be_visible()
            expect(found.tile("Revenue")).to_have_text(revenue)
            expect(page).to_have_url(chosen)
            assert page.locator(".st-key-pills").inner_text() == pills


def test_a_copied_address_shows_somebody_else_the_same(browser, address, live_shop):
    """What was chosen by hand is in the address: another browser shows the same figures and the same filters."""
    with opened(browser, f"{address}/?range=Yesterday") as first:
        page = first.page
        before = first.tile("Revenue").inner_text()
        unfold_filters(page)
        page.get_by_role("combobox", name="Warehouse").click()
        page.get_by_role("option", name="2").click()
        expect(first.tile("Revenue")).not_to_have_text(before)
        expect(page.get_by_text("Filters · 1")).to_be_visible()
        expect(page).to_have_url(re.compile("warehouse=2"))
        tiles = page.get_by_test_id("stMetricValue").all_inner_texts()
        with opened(browser, page.url) as second:
            expect(second.page.get_by_test_id("stMetricValue")).to_have_text(tiles)
            expect(second.page.locator(".st-key-pills")).to_contain_text("Warehouse: 2 Warehouse of 2")
            expect(second.page.get_by_text("Filters · 1")).to_be_visible()
