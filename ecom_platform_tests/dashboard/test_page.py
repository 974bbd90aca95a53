"""The page in a real browser, over a real MongoDB: what is on screen, and what happens when things go wrong."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard import formats
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import SCREENS, SOON_MS, assert_it_fits, opened, wait_until_drawn

pytestmark = [pytest.mark.servers, pytest.mark.browser]


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

    expect(screen.tile("Revenue")).to_have_text(revenue_of(today), timeout=SOON_MS)
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
    now = datetime.now(UTC)
    shop.store(live_shop, shop.orders_between(now - timedelta(seconds=1), now, 3, seed=int(now.timestamp())), now)
    shop.beat(live_shop, now)
    today = of_today(live_shop)
    valid = sum(order["delivery"]["status"] != "Cancelled" for order in today)

    expect(screen.tile("Revenue")).to_have_text(revenue_of(today), timeout=SOON_MS)
    # By their text: while a chart is drawn anew, the old one is still in the document for an instant.
    centre = page.locator(".st-key-card-payment .annotation-text").filter(has_text=formats.count(valid))
    expect(centre).to_be_visible(timeout=SOON_MS)
    placed = page.locator(".st-key-card-status").filter(has_text=f"{formats.count(len(today))} placed")
    expect(placed).to_be_visible(timeout=SOON_MS)
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("window.shifted") < 0.01


def test_a_silent_stream_turns_the_badge_stale_and_a_beat_clears_it(screen, live_shop):
    """No heartbeat for 15 seconds: the badge says so with the age; figures stay. The next beat makes it live again."""
    expect(screen.badge()).to_contain_text("Live", timeout=SOON_MS)
    shop.beat(live_shop, datetime.now(UTC) - timedelta(seconds=35))
    expect(screen.badge()).to_contain_text(re.compile(r"Stale · 3\d s old"), timeout=SOON_MS)
    expect(screen.tile("Revenue")).to_have_text(revenue_of(of_today(live_shop)))

    shop.beat(live_shop, datetime.now(UTC))
    expect(screen.badge()).to_contain_text("Live", timeout=SOON_MS)


def test_a_stopped_mongodb_is_a_sentence_and_recovery_needs_no_reload(screen, live_shop, mongod):
    """The last figures stay with their time, no traceback shows, and new figures come when MongoDB is back."""
    before = screen.tile("Revenue").inner_text()
    mongod.stop()
    try:
        sentence = screen.page.get_by_text(re.compile(r"MongoDB does not answer · last figures \d\d:\d\d:\d\d UTC"))
        expect(sentence.first).to_be_visible(timeout=SOON_MS)
        expect(screen.badge()).to_contain_text("No connection", timeout=SOON_MS)
        assert screen.tile("Revenue").inner_text() == before
        assert "Traceback" not in screen.page.content()
    finally:
        mongod.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            shop.beat(live_shop, datetime.now(UTC))
            break
        except Exception:  # noqa: BLE001 - an election is going on
            time.sleep(0.3)

    expect(sentence).to_have_count(0, timeout=30_000)
    expect(screen.badge()).to_contain_text("Live", timeout=SOON_MS)


def test_pause_stops_the_page_and_live_goes_on(screen, live_shop):
    """Paused, the figures stand still, a chart keeps its zoom, and the badge says since when."""
    screen.page.get_by_test_id("stCheckbox").get_by_text("Live").click()
    expect(screen.badge()).to_contain_text(re.compile(r"Paused at \d\d:\d\d:\d\d"), timeout=SOON_MS)
    wait_until_drawn(screen.page)  # the badge stands above the figures, and is drawn before them
    shown = screen.tile("Orders").inner_text()
    now = datetime.now(UTC)
    shop.store(live_shop, shop.orders_between(now - timedelta(seconds=1), now, 2, seed=int(now.timestamp()) + 7), now)
    chart = ".st-key-card-revenue .js-plotly-plot"
    box = screen.page.locator(f"{chart} .nsewdrag").bounding_box()
    screen.page.mouse.move(box["x"] + 100, box["y"] + 40)
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + 300, box["y"] + 42, steps=5)
    screen.page.mouse.up()
    screen.page.wait_for_timeout(500)
    zoomed = screen.page.evaluate(f"document.querySelector('{chart}').layout.xaxis.range")
    screen.page.wait_for_timeout(11_000)  # longer than the pace of the charts
    assert screen.page.evaluate(f"document.querySelector('{chart}').layout.xaxis.range") == zoomed
    assert screen.page.evaluate(f"document.querySelector('{chart}').layout.xaxis.autorange") is False
    assert screen.tile("Orders").inner_text() == shown

    shop.beat(live_shop, datetime.now(UTC))
    screen.page.get_by_test_id("stCheckbox").get_by_text("Live").click()
    expect(screen.tile("Orders")).to_have_text(formats.count(len(of_today(live_shop))), timeout=SOON_MS)


def test_the_range_is_in_the_address_and_nonsense_falls_back(browser, address, live_shop):
    """A link shows the same range to somebody else; a made-up one shows today."""
    with opened(browser, f"{address}/?range=1+h") as found:
        expect(found.page.get_by_text("per minute, UTC")).to_be_visible(timeout=SOON_MS)
        found.page.get_by_role("radio", name="7 d").or_(found.page.get_by_text("7 d", exact=True)).first.click()
        expect(found.page.get_by_text("per 30 minutes, UTC")).to_be_visible(timeout=SOON_MS)
        expect(found.page).to_have_url(re.compile(r"range=7"), timeout=SOON_MS)
    with opened(browser, f"{address}/?range=for+ever") as found:
        expect(found.tile("Orders")).to_have_text(formats.count(len(of_today(live_shop))), timeout=SOON_MS)


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
def test_the_page_fits_every_screen(browser, address, live_shop, width, height, scheme):
    """No horizontal scrolling of page or chart card; the tiles are above the fold; every chart has a name."""
    with opened(browser, address, 5, width, height, scheme) as found:
        page = found.page
        page.wait_for_timeout(1_000)
        assert_it_fits(found, wider_allowed=("-orders",))
        assert found.tile("Revenue").bounding_box()["y"] < height
        shots = os.environ.get("DASHBOARD_SCREENSHOTS")  # a folder to look at them afterwards
        if shots:
            page.screenshot(path=Path(shots) / f"overview_{width}_{scheme}.png")
