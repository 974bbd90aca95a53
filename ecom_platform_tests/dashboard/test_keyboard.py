"""A reader without a mouse: everything that can be pressed can be reached and pressed with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from ecom_platform_tests.dashboard.browser import FILTERS, PAGES, SOON_MS, opened, wait_until_drawn, wait_until_unfolded

pytestmark = [pytest.mark.servers, pytest.mark.browser]

MOST_STOPS = 120
STILL = "range=30+d"  # a range that is not refreshed: what was marked stays what it is
# What the mouse can press, but for Plotly's bars, whose twin is a list or a filter.
MARK_PRESSABLE = """() => {
  const all = 'a[href], button, input, select, textarea, summary, [role=button], [role=tab], [role=combobox], canvas';
  for (const e of document.querySelectorAll(all)) {
    const box = e.getBoundingClientRect();
    const shown = box.width && box.height && getComputedStyle(e).visibility === 'visible';
    if (shown && !e.disabled && !e.closest('.js-plotly-plot, [aria-hidden=true]')) e.dataset.pressable = '';
  }
}"""
# Reached by arrows from what Tab reaches: the other choices of a group, the options of a list, the cells of a table.
BY_ARROWS = '[role=radio], [role=tab], [data-testid="stDataFrame"] canvas, button[aria-label="Open"]'
WORDS = "e => `${e.tagName} ${e.ariaLabel ?? e.innerText} ${e.className}`"


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


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_all_that_a_mouse_can_press(browser, address, path_of, name):
    """Every link, button and field, with the filters unfolded; what arrows reach counts when Tab reaches its group."""
    path = path_of(name)
    with opened(browser, f"{address}{path}{'&' if '?' in path else '?'}{STILL}", None) as found:
        page = found.page
        filters = page.locator(f"{FILTERS} summary")
        tab_to(page, filters)
        page.keyboard.press("Enter")
        wait_until_unfolded(page)
        page.evaluate(MARK_PRESSABLE)
        tab_to(page, page.get_by_role("link", name="Skip to main content"), "Shift+Tab")
        reached = "document.activeElement.dataset.reached = ''; document.activeElement === document.body"
        for _ in range(MOST_STOPS):
            if page.evaluate(reached):
                break
            page.keyboard.press("Tab")
        missed = page.locator("[data-pressable]:not([data-reached])").evaluate_all(
            f"(all, byArrows) => all.filter(e => !e.matches(byArrows)).map({WORDS})", BY_ARROWS
        )
        assert missed == []
        assert page.locator("[role=radio][data-reached]").count() == page.locator("[role=radiogroup]").count()


def test_range_filters_live_and_an_order_by_keyboard_alone(browser, address, path_of):
    """Choose a range and a warehouse, pause and go on, follow an order: without one click."""
    with opened(browser, address, None) as found:
        page = found.page
        ranges = page.get_by_role("radiogroup", name="Range")
        tab_to(page, ranges)
        tab_to(page, ranges.get_by_role("radio", name="Yesterday"), "ArrowRight")
        page.keyboard.press("Space")
        expect(page).to_have_url(re.compile("range=Yesterday"), timeout=SOON_MS)
        page.wait_for_timeout(500)
        wait_until_drawn(page)  # a list that opens while the page is drawn for another range closes again

        tab_to(page, page.locator(f"{FILTERS} summary"))
        page.keyboard.press("Enter")
        wait_until_unfolded(page)
        warehouse = page.get_by_role("combobox", name="Warehouse")
        tab_to(page, warehouse)
        page.keyboard.type("2")
        expect(page.get_by_role("option")).to_have_count(1, timeout=SOON_MS)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("warehouse=2"), timeout=SOON_MS)
        page.keyboard.press("Escape")

        tab_to(page, page.get_by_role("switch", name="Live"))
        page.keyboard.press("Space")
        expect(found.badge()).to_contain_text("Paused at", timeout=SOON_MS)
        page.keyboard.press("Space")
        expect(found.badge()).not_to_contain_text("Paused", timeout=SOON_MS)

        order = found.card("orders").get_by_role("link").first
        number = order.inner_text()
        tab_to(page, order)
        with page.context.expect_page() as tab:  # Streamlit opens every link of a table in a tab of its own
            page.keyboard.press("Enter")
        expect(tab.value.get_by_text("Hot: in MongoDB.")).to_be_visible(timeout=SOON_MS)
        expect(tab.value).to_have_url(re.compile(f"order_id={number}"))


def test_another_page_its_list_and_its_file_by_keyboard_alone(browser, address, path_of):
    """Go to Sales, choose a product in the list, download the table, and go back up to the navigation."""
    with opened(browser, f"{address}/?range=Yesterday", None) as found:
        page = found.page
        tab_to(page, link_to(page, "Sales"))
        page.keyboard.press("Enter")
        product = page.get_by_role("combobox", name="Product")
        expect(product).to_be_visible(timeout=SOON_MS)

        tab_to(page, product)
        page.keyboard.type("Article 2")
        expect(page.get_by_role("option").first).to_be_visible(timeout=SOON_MS)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"product=2\d*\+Article"), timeout=SOON_MS)
        expect(found.card("product")).to_be_visible(timeout=SOON_MS)

        tab_to(page, found.card("product-table").get_by_test_id("stDownloadButton").get_by_role("button"))
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename.startswith("products_")

        tab_to(page, link_to(page, "Delivery"), "Shift+Tab")
        page.keyboard.press("Enter")
        expect(found.tile("At risk 2 h")).to_be_visible(timeout=SOON_MS)
