"""A click on a bar filters every panel by it, in the address too; a second click takes the filter away."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from dashboard import formats
from dashboard.ranges import Preset, resolve
from dashboard.selection import Choice, toggled
from ecom_platform.history.kpi import answer_kpis
from ecom_platform.history.question import Filters, KpiQuestion
from ecom_platform.settings import Settings
from ecom_platform_tests.dashboard.browser import FILTERS, opened, take_by_typing, wait_until_unfolded

YESTERDAY = "range=Yesterday"
in_a_browser = [pytest.mark.servers, pytest.mark.browser]


@pytest.mark.parametrize(
    ("kind", "chosen", "expected"),
    [
        ("courier", [], ["4"]),
        ("courier", ["2"], ["2", "4"]),
        ("courier", ["2", "4"], ["2"]),
        ("warehouse", ["4"], []),
        ("category", [], ["4"]),
        ("category", ["Toys"], ["4"]),
        ("category", ["4"], []),
    ],
)
def test_a_click_adds_a_value_or_takes_it_away(kind, chosen, expected):
    """Several couriers can be chosen together, but only one category."""
    assert toggled(kind, chosen, "4") == expected


def test_the_address_of_a_courier_keeps_everything_else():
    """Range, days and the other filters stay; other couriers do not."""
    day = date(2026, 11, 21)
    choice = Choice(Preset.DAYS, (day, day), Filters((1,), (2, 3), "Home & Garden", ("Cash",)))

    assert choice.address("delivery", "courier", 5) == (
        "/delivery?range=Days&days=2026-11-21&days=2026-11-21&warehouse=1&category=Home+%26+Garden&payment=Cash&courier=5"
    )


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


class TestInABrowser:
    """With a click and with the keyboard."""

    pytestmark = in_a_browser

    def test_a_category_bar_filters_the_page_and_a_second_click_takes_it_away(self, browser, address, live_shop):
        """The best category: its net sales everywhere, its name in the address and on a pill."""
        everything = kpis(live_shop)
        best = max(everything["by_category"], key=lambda name: everything["by_category"][name]["net_cents"])
        only = kpis(live_shop, Filters(category=best))
        net = formats.money(only["revenue_cents"], "USD")
        with opened(browser, f"{address}/sales?{YESTERDAY}") as found:
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

    def test_a_courier_bar_filters_the_page_and_a_second_click_takes_it_away(self, browser, address, live_shop):
        """The busiest courier: states, on-time share and the table are theirs alone."""
        everything = kpis(live_shop)
        courier = busiest(live_shop, "courier_id")
        only = kpis(live_shop, Filters(couriers=(courier,)))
        promise = only["promise"]
        with opened(browser, f"{address}/delivery?{YESTERDAY}") as found:
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

    def test_a_warehouse_bar_adds_to_what_is_chosen_and_its_pill_takes_it_away(self, browser, address, live_shop):
        """The payment type in the address stays; the pill of the warehouse restores what was there before."""
        cash = kpis(live_shop, Filters(payments=("Cash",)))
        warehouse = busiest(live_shop, "warehouse_id", payment_type="Cash")
        both = kpis(live_shop, Filters(warehouses=(warehouse,), payments=("Cash",)))
        with opened(browser, f"{address}/delivery?{YESTERDAY}&payment=Cash") as found:
            click_first_bar(found, "per-warehouse")
            expect(found.card("states")).to_contain_text(f"{formats.count(both['orders'])} placed")
            expect(found.page).to_have_url(
                re.compile(rf"payment=Cash.*warehouse={warehouse}|warehouse={warehouse}.*Cash")
            )
            found.page.get_by_role("button", name=f"Warehouse: {warehouse}").click()
            expect(found.card("states")).to_contain_text(f"{formats.count(cash['orders'])} placed")
            expect(found.page).not_to_have_url(re.compile(r"warehouse"))

    def test_a_row_of_the_courier_table_leads_to_that_courier(self, browser, address, live_shop):
        """The link keeps range and filters; a click on a bar elsewhere would do the same."""
        with opened(browser, f"{address}/delivery?{YESTERDAY}&payment=Cash") as found:
            link = found.card("couriers").locator("tbody tr a").first
            expect(link).to_be_visible()
            courier, href = link.inner_text().split()[0], link.get_attribute("href")
        only = kpis(live_shop, Filters(couriers=(int(courier),), payments=("Cash",)))
        # So few orders are left that a panel may have none.
        with opened(browser, f"{address}{href}", charts=None) as found:
            expect(found.card("states")).to_contain_text(f"{formats.count(only['orders'])} placed")

    def test_the_keyboard_filters_by_category_without_a_bar(self, browser, address, live_shop):
        """The control above the pages is the twin of the click: opened, typed into and left with keys alone."""
        net = formats.money(kpis(live_shop, Filters(category="Toys"))["revenue_cents"], "USD")
        with opened(browser, f"{address}/sales?{YESTERDAY}") as found:
            found.page.locator(f"{FILTERS} summary").focus()
            found.page.keyboard.press("Enter")
            wait_until_unfolded(found.page)
            found.page.get_by_role("combobox", name="Category").focus()
            take_by_typing(found.page, "Toys")
            expect(found.page).to_have_url(re.compile(r"category=Toys"))
            expect(found.tile("Revenue")).to_have_text(net)
