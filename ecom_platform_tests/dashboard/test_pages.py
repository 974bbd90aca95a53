"""Sales, Delivery and the order page in a real browser: the figures of `ecom kpi`, for what is in the address.

A click on a bar filters every panel by it, in the address too; a second click takes the filter away.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import expect

from dashboard import formats
from dashboard.ranges import Preset, resolve
from ecom_platform.history.kpi import answer_kpis
from ecom_platform.history.question import Filters, KpiQuestion
from ecom_platform.settings import Settings
from ecom_platform_tests.dashboard.browser import opened, take_by_typing

CHARTS = {"sales": 5, "delivery": 7}
YESTERDAY = "range=Yesterday"


def kpis(db, filters=None):
    """What the command line answers about yesterday, which no longer changes."""
    now = datetime.now(UTC)
    window = resolve(Preset.YESTERDAY, now).window
    question = KpiQuestion.ask(window.start, window.end, now, filters or Filters())
    return answer_kpis(Settings(_env_file=None), db, question)


def click_first_bar(found, card):
    """Click the bar on top; Plotly lays an invisible pane over its bars."""
    bar = found.card(card).locator(".point path").first
    expect(bar).to_be_visible()
    bar.click(force=True)


def busiest(db, field, **filters):
    """Whose bar is on top: the member with most orders placed yesterday, the lowest number of several."""
    window = resolve(Preset.YESTERDAY, datetime.now(UTC)).window
    placed = Counter()
    for order in db.orders.find({"order_time": {"$gte": window.start, "$lt": window.end}, **filters}):
        placed[{**order, **order["delivery"]}[field]] += 1
    return min(placed, key=lambda number: (-placed[number], number))


def test_sales_figures_equal_the_command_line_and_the_other_pages(browser, address, live_shop):
    """Revenue is the same on Sales and on Overview, with filters too, and so is the sum of the categories."""
    filters = Filters(warehouses=(1, 2), payments=("Credit Card",))
    expected = kpis(live_shop, filters)
    revenue = formats.money(expected["revenue_cents"], "USD")
    chosen = "warehouse=1&warehouse=2&payment=Credit+Card"
    with opened(browser, f"{address}/sales?{YESTERDAY}&{chosen}", CHARTS["sales"]) as found:
        expect(found.tile("Revenue")).to_have_text(revenue)
        expect(found.tile("Booked value")).to_have_text(formats.money(expected["booked_cents"], "USD"))
        expect(found.card("categories")).to_contain_text(f"together {revenue}")
        expect(found.card("locations")).to_contain_text("all payment types")
        expect(found.page.locator(".st-key-pills")).to_contain_text("Warehouse: 2 Warehouse of 2")
        found.go_to("Overview")
        expect(found.tile("Units")).to_have_text(formats.count(expected["units"]))
        expect(found.tile("Revenue")).to_have_text(revenue)
        expect(found.page).to_have_url(re.compile(r"warehouse=1&warehouse=2"))
        found.page.go_back()
        expect(found.tile("Booked value")).to_be_visible()
        expect(found.tile("Revenue")).to_have_text(revenue)


def test_delivery_figures_equal_the_command_line(browser, address, live_shop):
    """On-time share, orders per courier and the counts under the charts."""
    expected = kpis(live_shop)
    promise = expected["promise"]
    with opened(browser, f"{address}/delivery?{YESTERDAY}", CHARTS["delivery"]) as found:
        expect(found.tile("On-time share")).to_have_text(formats.share(promise["on_time"] / promise["due"]))
        expect(found.card("states")).to_contain_text(f"{formats.count(expected['orders'])} placed")
        expect(found.card("per-courier")).to_contain_text(f"{formats.count(expected['orders'])} orders placed")
        delivered = expected["delivery_delay_seconds"]["count"]
        expect(found.card("delays")).to_contain_text(f"{formats.count(delivered)} delivered")
        due = [row for row in expected["by_courier"].values() if row["due"]]
        expect(found.card("couriers").locator("tbody tr")).to_have_count(len(due))


def test_a_filter_taken_away_leaves_the_address(browser, address, live_shop):
    """A pill removes its value from the figures and from the address; a made-up value was never there."""
    with opened(browser, f"{address}/?{YESTERDAY}&courier=2&courier=99&category=Toys&payment=Shells") as found:
        only = kpis(live_shop, Filters(couriers=(2,), category="Toys"))
        expect(found.tile("Orders")).to_have_text(formats.count(only["orders"]))
        expect(found.page.get_by_text("Filters · 2")).to_be_visible()
        expect(found.card("status")).to_contain_text("all categories")
        found.page.get_by_role("button", name="Courier: 2").click()
        category = kpis(live_shop, Filters(category="Toys"))
        expect(found.tile("Orders")).to_have_text(formats.count(category["orders"]))
        expect(found.page).to_have_url(re.compile(r"category=Toys"))
        expect(found.page).not_to_have_url(re.compile(r"courier|payment"))
        found.page.get_by_role("button", name="Category: Toys").click()
        expect(found.tile("Orders")).to_have_text(formats.count(kpis(live_shop)["orders"]))
        expect(found.page.locator(".st-key-pills")).to_have_count(0)


def test_custom_days_are_in_the_address(browser, address, live_shop):
    """First and last day, in any order; days that do not exist are today."""
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    with opened(browser, f"{address}/?range=Days&days={day}&days={day}") as found:
        expect(found.tile("Orders")).to_have_text(formats.count(kpis(live_shop)["orders"]))
    with opened(browser, f"{address}/?range=Days&days=never") as found:
        expect(found.page.get_by_text(f"{datetime.now(UTC):%A %d %B %Y}, UTC day")).to_be_visible()


def test_the_file_holds_what_is_shown_and_says_of_when(browser, address, live_shop):
    """Its rows add up to the revenue on screen, to the cent; its head says range, filters and time."""
    expected = kpis(live_shop, Filters(warehouses=(1,)))
    with opened(browser, f"{address}/sales?{YESTERDAY}&warehouse=1", CHARTS["sales"]) as found:
        button = found.card("product-table").get_by_test_id("stDownloadButton").get_by_role("button")
        expect(button.first).to_be_visible()
        with found.page.expect_download() as download:
            button.first.click()
        with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file))
    head, rows = dict(line for line in lines[:4]), lines[6:]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()

    assert lines[4] == []
    assert head["from"] == f"{yesterday}T00:00:00.000Z"
    assert head["filters"] == "warehouse 1"
    assert head["as of"].startswith(f"{datetime.now(UTC).date()}T")
    assert sum(round(100 * float(row[4])) for row in rows) == expected["revenue_cents"]
    assert [int(row[1]) for row in rows[:10]] == [product["product_id"] for product in expected["top_products"]]


def test_a_bar_and_the_list_open_the_same_product(browser, address, live_shop):
    """A click on a bar chooses the product in the list, which the keyboard reaches; it is in the address."""
    best = kpis(live_shop)["top_products"][0]
    with opened(browser, f"{address}/sales?{YESTERDAY}", CHARTS["sales"], size=(1366, 1800)) as found:
        click_first_bar(found, "best")
        net = formats.money(best["net_cents"], "USD")
        expect(found.card("product")).to_contain_text(f"net sales {net}")
        expect(found.page).to_have_url(re.compile(rf"product={best['product_id']}\+"))
        link = found.page.url
    with opened(browser, link, CHARTS["sales"] + 1) as again:
        expect(again.card("product")).to_contain_text(f"net sales {net}")
        again.page.get_by_role("combobox", name="Product").focus()
        take_by_typing(again.page, "Article 2")
        expect(again.page).to_have_url(re.compile(r"product=2\d*\+Article"))


def test_a_late_order_leads_to_what_happened_to_it(browser, address, live_shop):
    """The link in the list opens the order: its steps in order, its items, where it is stored."""
    order = live_shop.orders.find_one({"delivery.status": "Delivered"})
    with opened(browser, f"{address}/order?order_id={order['_id']}", charts=0) as found:
        expect(found.page.get_by_text("Stored in MongoDB.")).to_be_visible()
        expect(found.tile("Total")).to_have_text(formats.exact_money(order["total_cents"], "USD"))
        expect(found.tile("State")).to_have_text("Delivered")
        steps = found.card("timeline").locator("tbody tr")
        expect(steps).to_have_count(len(order["delivery"]["history"]) + 1)
        expect(steps.first).to_contain_text("Placed")
        expect(found.card("items").locator("tbody tr")).to_have_count(len(order["order_items"]) + 1)
        link = found.page.locator('a[href*="order_id="]')
        expect(link).to_have_count(0)
    with opened(browser, f"{address}/order?order_id=999999999999", charts=0) as found:
        expect(found.page.get_by_text("There is no order 999999999999").first).to_be_visible()


def test_a_category_bar_filters_the_page_and_a_second_click_takes_it_away(browser, address, live_shop):
    """The best category: its net sales everywhere, its name in the address and on a pill."""
    everything = kpis(live_shop)
    best = max(everything["by_category"], key=lambda name: everything["by_category"][name]["net_cents"])
    only = kpis(live_shop, Filters(category=best))
    net = formats.money(only["revenue_cents"], "USD")
    with opened(browser, f"{address}/sales?{YESTERDAY}", CHARTS["sales"]) as found:
        click_first_bar(found, "categories")
        expect(found.page).to_have_url(re.compile(rf"category={best}"))
        expect(found.tile("Revenue")).to_have_text(net)
        expect(found.card("categories")).to_contain_text(f"together {net}")
        expect(found.card("revenue")).to_contain_text("Net item sales")
        expect(found.card("locations")).to_contain_text("all categories")
        expect(found.page.locator(".st-key-pills")).to_contain_text(f"Category: {best}")
        click_first_bar(found, "categories")
        expect(found.page).not_to_have_url(re.compile(r"category"))
        expect(found.tile("Revenue")).to_have_text(formats.money(everything["revenue_cents"], "USD"))


def test_a_courier_bar_filters_the_page_and_a_second_click_takes_it_away(browser, address, live_shop):
    """The busiest courier: states, on-time share and the table are theirs alone."""
    everything = kpis(live_shop)
    courier = busiest(live_shop, "courier_id")
    only = kpis(live_shop, Filters(couriers=(courier,)))
    promise = only["promise"]
    with opened(browser, f"{address}/delivery?{YESTERDAY}", CHARTS["delivery"]) as found:
        click_first_bar(found, "per-courier")
        expect(found.page).to_have_url(re.compile(rf"courier={courier}\b"))
        expect(found.tile("On-time share")).to_have_text(formats.share(promise["on_time"] / promise["due"]))
        expect(found.card("states")).to_contain_text(f"{formats.count(only['orders'])} placed")
        expect(found.card("couriers").locator("tbody tr")).to_have_count(1)
        expect(found.page.locator(".st-key-pills")).to_contain_text(f"Courier: {courier}")
        click_first_bar(found, "per-courier")
        expect(found.page).not_to_have_url(re.compile(r"courier"))
        placed = f"{formats.count(everything['orders'])} placed"
        expect(found.card("states")).to_contain_text(placed)


def test_a_warehouse_bar_adds_to_what_is_chosen_and_its_pill_takes_it_away(browser, address, live_shop):
    """The payment type in the address stays; the pill of the warehouse restores what was there before."""
    cash = kpis(live_shop, Filters(payments=("Cash",)))
    warehouse = busiest(live_shop, "warehouse_id", payment_type="Cash")
    both = kpis(live_shop, Filters(warehouses=(warehouse,), payments=("Cash",)))
    with opened(browser, f"{address}/delivery?{YESTERDAY}&payment=Cash", CHARTS["delivery"]) as found:
        click_first_bar(found, "per-warehouse")
        expect(found.card("states")).to_contain_text(f"{formats.count(both['orders'])} placed")
        expect(found.page).to_have_url(re.compile(rf"payment=Cash.*warehouse={warehouse}|warehouse={warehouse}.*Cash"))
        found.page.get_by_role("button", name=f"Warehouse: {warehouse}").click()
        expect(found.card("states")).to_contain_text(f"{formats.count(cash['orders'])} placed")
        expect(found.page).not_to_have_url(re.compile(r"warehouse"))


def test_a_row_of_the_courier_table_leads_to_that_courier(browser, address, live_shop):
    """The link keeps range and filters; a click on a bar elsewhere would do the same."""
    with opened(browser, f"{address}/delivery?{YESTERDAY}&payment=Cash", CHARTS["delivery"]) as found:
        link = found.card("couriers").locator("tbody tr a").first
        expect(link).to_be_visible()
        courier, href = link.inner_text().split()[0], link.get_attribute("href")
    only = kpis(live_shop, Filters(couriers=(int(courier),), payments=("Cash",)))
    with opened(browser, f"{address}{href}", charts=None) as found:  # without a chart of what is late, if nothing is
        expect(found.card("states")).to_contain_text(f"{formats.count(only['orders'])} placed")
