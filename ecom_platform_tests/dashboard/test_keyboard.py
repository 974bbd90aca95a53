"""A reader without a mouse: what can be done with one can be done with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from ecom_platform_tests.dashboard.browser import FILTERS, opened, wait_until_drawn, wait_until_unfolded

MOST_STOPS = 120


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab (or Shift+Tab) until the focus is there."""
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        if wanted.evaluate("e => e === document.activeElement || e.contains(document.activeElement)"):
            return
    pytest.fail(f"{key} never reaches {wanted}")


def link_to(page: Page, title: str) -> Locator:
    """An entry of the navigation."""
    return page.get_by_test_id("stTopNavLink").filter(has_text=title)


def test_range_filters_live_and_an_order_by_keyboard_alone(browser, address, live_shop):
    """Choose a range and a warehouse, pause and go on, follow an order: without one click."""
    with opened(browser, address, None) as found:
        page = found.page
        ranges = page.get_by_role("radiogroup", name="Range")
        tab_to(page, ranges)
        tab_to(page, ranges.get_by_role("radio", name="Yesterday"), "ArrowRight")
        page.keyboard.press("Space")
        expect(page).to_have_url(re.compile("range=Yesterday"))
        page.wait_for_timeout(500)
        wait_until_drawn(page)  # a list that opens while the page is drawn for another range closes again

        tab_to(page, page.locator(f"{FILTERS} summary"))
        page.keyboard.press("Enter")
        wait_until_unfolded(page)
        warehouse = page.get_by_role("combobox", name="Warehouse")
        tab_to(page, warehouse)
        page.keyboard.type("2")
        expect(page.get_by_role("option")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("warehouse=2"))
        page.keyboard.press("Escape")

        tab_to(page, page.get_by_role("switch", name="Live"))
        page.keyboard.press("Space")
        expect(found.badge()).to_contain_text("Paused at")
        page.keyboard.press("Space")
        expect(found.badge()).not_to_contain_text("Paused")

        order = found.card("orders").get_by_role("link").first
        number = order.inner_text()
        tab_to(page, order)
        with page.context.expect_page() as tab:  # Streamlit opens every link of a table in a tab of its own
            page.keyboard.press("Enter")
        expect(tab.value.get_by_text("Stored in MongoDB.")).to_be_visible()
        expect(tab.value).to_have_url(re.compile(f"order_id={number}"))


def test_another_page_its_list_and_its_file_by_keyboard_alone(browser, address, live_shop):
    """Go to Sales, choose a product in the list, download the table, and go back up to the navigation."""
    with opened(browser, f"{address}/?range=Yesterday", None) as found:
        page = found.page
        tab_to(page, link_to(page, "Sales"))
        page.keyboard.press("Enter")
        product = page.get_by_role("combobox", name="Product")
        expect(product).to_be_visible()

        tab_to(page, product)
        page.keyboard.type("Article 2")
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"product=2\d*\+Article"))
        expect(found.card("product")).to_be_visible()

        tab_to(page, found.card("product-table").get_by_test_id("stDownloadButton").get_by_role("button"))
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename.startswith("products_")

        tab_to(page, link_to(page, "Delivery"), "Shift+Tab")
        page.keyboard.press("Enter")
        expect(found.tile("At risk 2 h")).to_be_visible()
