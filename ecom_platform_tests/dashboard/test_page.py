"""The page in a real browser, over a real MongoDB: what is on screen, and what happens when things go wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from dashboard import formats
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import opened, wait_until_drawn
from ecom_platform_tests.dashboard.revenue_chart import axes, zoom


def of_today(db):
    """The orders of the UTC day, straight from the facts."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return list(db.orders.find({"order_time": {"$gte": midnight}}))


def revenue_of(orders):
    """The sum as a tile writes it."""
    return formats.money(sum(o["total_cents"] for o in orders if o["delivery"]["status"] != "Cancelled"), "USD")


def test_the_figures_on_screen_are_those_in_the_database(screen, live_shop):
    """Revenue, orders, units and late now are the sums over the stored orders; the newest order heads the list."""
    today = of_today(live_shop)
    valid = [order for order in today if order["delivery"]["status"] != "Cancelled"]
    units = sum(line["quantity"] for order in valid for line in order["order_items"])
    newest = max(live_shop.orders.find(), key=lambda order: order["order_time"])

    expect(screen.tile("Revenue")).to_have_text(revenue_of(today))
    expect(screen.tile("Orders")).to_have_text(formats.count(len(today)))
    expect(screen.tile("Units")).to_have_text(formats.count(units))
    expect(screen.tile("Late now")).to_have_text(re.compile(r"^[\d,]+$"))
    expect(screen.page.get_by_test_id("stTable").locator("tbody tr")).to_have_count(10)
    expect(screen.page.get_by_test_id("stTable").locator("tbody tr").first).to_contain_text(str(newest["_id"]))
    expect(screen.page.get_by_text("UTC", exact=False).first).to_be_visible()


def test_a_new_order_appears_without_reloading(screen, live_shop):
    """Tiles and charts follow the database by themselves, in the same document, and nothing on the page moves."""
    page = screen.page
    page.evaluate(
        "window.shifted = 0; new PerformanceObserver(list => list.getEntries().forEach(e => window.shifted += e.value))"
        ".observe({type: 'layout-shift'}); window.sameDocument = true"
    )
    shop.sell_now(live_shop, 3)
    shop.beat(live_shop, datetime.now(UTC))
    today = of_today(live_shop)
    valid = sum(order["delivery"]["status"] != "Cancelled" for order in today)

    expect(screen.tile("Revenue")).to_have_text(revenue_of(today))
    # By their text: while a chart is drawn anew, the old one is still in the document for an instant.
    centre = page.locator(".st-key-card-payment .annotation-text").filter(has_text=formats.count(valid))
    expect(centre).to_be_visible()
    placed = page.locator(".st-key-card-status").filter(has_text=f"{formats.count(len(today))} placed")
    expect(placed).to_be_visible()
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("window.shifted") < 0.01


def test_a_silent_stream_turns_the_badge_stale_and_a_beat_clears_it(screen, live_shop):
    """No heartbeat for 15 seconds: the badge says so with the age; figures stay. The next beat makes it live again."""
    shop.beat_until(live_shop, screen.is_live)
    shop.beat(live_shop, datetime.now(UTC) - timedelta(seconds=35))
    expect(screen.badge()).to_contain_text(re.compile(r"Stale · (3[5-9]|[4-9]\d|1[01]\d) s old|Stale · \d+ m old"))
    expect(screen.tile("Revenue")).to_have_text(revenue_of(of_today(live_shop)))

    shop.beat_until(live_shop, screen.is_live)


def test_a_stopped_mongodb_is_a_sentence_and_recovery_needs_no_reload(screen, live_shop, mongod):
    """The last figures stay with their time, no traceback shows, and new figures come when MongoDB is back."""
    before = screen.tile("Revenue").inner_text()
    mongod.stop()
    try:
        sentence = screen.page.get_by_text(re.compile(r"MongoDB does not answer · last figures \d\d:\d\d:\d\d UTC"))
        expect(sentence.first).to_be_visible()
        expect(screen.badge()).to_contain_text("No connection")
        assert screen.tile("Revenue").inner_text() == before
        assert "Traceback" not in screen.page.content()
    finally:
        mongod.start()
    shop.beat_until(live_shop, screen.is_live)

    expect(sentence).to_have_count(0)


def test_pause_stops_the_page_and_live_goes_on(screen, live_shop):
    """Paused, the figures stand still, a chart keeps its zoom, and the badge says since when."""
    screen.page.get_by_test_id("stCheckbox").get_by_text("Live").click()
    expect(screen.badge()).to_contain_text(re.compile(r"Paused at \d\d:\d\d:\d\d"))
    wait_until_drawn(screen.page)  # the badge stands above the figures, and is drawn before them
    shown = screen.tile("Orders").inner_text()
    shop.sell_now(live_shop, 2)
    zoomed = zoom(screen.page)
    screen.page.wait_for_timeout(6_000)  # longer than the pace of the page
    assert axes(screen.page) == zoomed
    assert screen.tile("Orders").inner_text() == shown

    shop.beat(live_shop, datetime.now(UTC))
    screen.page.get_by_test_id("stCheckbox").get_by_text("Live").click()
    expect(screen.tile("Orders")).to_have_text(formats.count(len(of_today(live_shop))))


def test_the_range_is_in_the_address_and_nonsense_falls_back(browser, address, live_shop):
    """A link shows the same range to somebody else; a made-up one shows today."""
    with opened(browser, f"{address}/?range=1+h") as found:
        expect(found.page.get_by_text("per minute, UTC")).to_be_visible()
        found.page.get_by_role("radio", name="7 d").or_(found.page.get_by_text("7 d", exact=True)).first.click()
        expect(found.page.get_by_text("per 30 minutes, UTC")).to_be_visible()
        expect(found.page).to_have_url(re.compile(r"range=7"))
    with opened(browser, f"{address}/?range=for+ever") as found:
        expect(found.tile("Orders")).to_have_text(formats.count(len(of_today(live_shop))))
