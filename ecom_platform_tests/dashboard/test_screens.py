"""Every page on every screen: it fits, and it keeps no reader out, whether they see, hear or use no mouse."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.alert_rows import raise_a_few
from ecom_platform_tests.dashboard.axe import KNOWN, findings, unknown
from ecom_platform_tests.dashboard.browser import (
    DESKTOP,
    FILTERS,
    PAGES,
    PHONE,
    TABLET,
    assert_it_fits,
    opened,
    resize,
    unfold_filters,
    wait_until_drawn,
)

SCROLL_SIDEWAYS = ("-orders", "-late", "-couriers", "-runs", "-checks", "-days", "-alerts-past")
MOST_STOPS, STOPS_AT_ONCE = 150, 10
# What the mouse can press, but for Plotly's bars, whose twin is a list or a filter.
MARK_PRESSABLE = """() => {
  const all = 'a[href], button, input, select, textarea, summary, [role=button], [role=tab], [role=combobox], canvas';
  for (const e of document.querySelectorAll(all)) {
    const box = e.getBoundingClientRect();
    const shown = box.width && box.height && getComputedStyle(e).visibility === 'visible';
    if (shown && !e.disabled && !e.closest('.js-plotly-plot, [aria-hidden=true]')) e.dataset.pressable = '';
  }
  document.addEventListener('focusin', event => { event.target.dataset.reached = ''; });
}"""
# Of the filters their head, which is as high folded as unfolded, without the two pixels of its frame.
CONTROLS = ".st-key-frame :is(.st-key-range, summary, .st-key-live, .st-key-state)"
# Where the last card of each column ends, of the rows whose columns do not all end at one line.
UNEVEN_ROWS = """() => [...document.querySelectorAll('[data-testid="stHorizontalBlock"]')].map(row => {
  const columns = [...row.children].filter(child => child.dataset.testid === 'stColumn');
  return columns.map(column => [...column.querySelectorAll('[class*="st-key-card-"]')].map(
    card => card.getBoundingClientRect().bottom)).filter(ends => ends.length).map(ends => Math.max(...ends));
}).filter(ends => ends.length > 1 && Math.max(...ends) - Math.min(...ends) > 2)"""
# Tables in a box that scrolls and ends in the middle of a row, unless rows have several lines.
CUT_ROWS = """() => [...document.querySelectorAll('[data-testid="stTable"]')].filter(table => {
  const card = table.closest('[class*="st-key-card-"]');
  let area = table;
  do area = area.parentElement;
  while (area !== card && !(area.scrollHeight > area.clientHeight + 1 && getComputedStyle(area).overflowY === 'auto'));
  if (area === card) return false;
  const end = area.getBoundingClientRect().bottom;
  return ![...table.querySelectorAll('tr')].some(row => Math.abs(row.getBoundingClientRect().bottom - end) < 3);
}).map(table => table.closest('[class*="st-key-card-"]').className)"""
# Reached by arrows from what Tab reaches: the other choices of a group, the options of a list, the cells of a table.
BY_ARROWS = '[role=radio], [role=tab], [data-testid="stDataFrame"] canvas, button[aria-label="Open"]'
UNREACHED = f"[data-pressable]:not([data-reached]):not(:is({BY_ARROWS}))"
UNREACHED_GROUP = "[role=radiogroup]:has([role=radio]:enabled):not(:has([role=radio][data-reached]))"
WORDS = "e => `${e.tagName} ${e.ariaLabel ?? e.innerText} ${e.className}`"


LIGHT, DARK = [(name, "light") for name in PAGES], [(name, "dark") for name in PAGES]
in_light = pytest.mark.parametrize("shown", LIGHT, indirect=True, ids="-".join)
in_both = pytest.mark.parametrize("shown", LIGHT + DARK, indirect=True, ids="-".join)
# Where things are does not follow from their colours.
in_light_at_least = pytest.mark.parametrize(
    "shown",
    [*LIGHT, *(pytest.param(page, marks=pytest.mark.full) for page in DARK)],
    indirect=True,
    ids="-".join,
)


@pytest.fixture(scope="module")
def shown(request, tabs, address, path_of, piped_shop):
    """A page in one theme, with figures in every panel and alerts open, on a phone or a desktop, and paused.

    What is read from it needs no newer figures, and every refresh would cost as much as a look.
    """
    name, scheme = request.param
    now = datetime.now(UTC)
    shop.sell_today(piped_shop, now)
    raise_a_few(piped_shop, now)
    size = PHONE if scheme == "light" else DESKTOP
    with ExitStack() as stack:
        with tabs.in_use():
            found = stack.enter_context(opened(tabs, address + path_of(name), None, size, scheme))
            if name in ("overview", "alerts"):
                expect(found.page.get_by_text("Figures are old").filter(visible=True)).to_have_count(1)
            found.page.get_by_test_id("stCheckbox").get_by_text("Live").click()
            expect(found.badge()).to_contain_text("Paused")
            wait_until_drawn(found.page)
        yield found
        with tabs.in_use():
            stack.close()


@in_light_at_least
def test_it_fits_every_screen(browser, shown, request):
    """Phone, tablet, desktop, and phone again: no horizontal scrolling, no card with more in it than its height."""
    name, scheme = request.node.callspec.params["shown"]
    shots = os.environ.get("DASHBOARD_SCREENSHOTS")  # a folder to look at them afterwards
    for width, height in (PHONE, TABLET, DESKTOP, PHONE):
        resize(shown, (width, height))
        assert_it_fits(shown, wider_allowed=SCROLL_SIDEWAYS)
        assert name != "overview" or shown.tile("Revenue").bounding_box()["y"] < height
        if shots:
            shown.page.screenshot(path=Path(shots) / f"{name}_{width}_{scheme}.png")


@in_light
def test_the_controls_above_a_page_have_one_height(browser, shown):
    """Those that the page has: ranges, filters, Live, and what says how old the figures are."""
    resize(shown, DESKTOP)
    heights = shown.page.locator(CONTROLS).evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert heights
    assert max(heights) - min(heights) <= 2, heights


@in_light
def test_cards_of_a_row_end_at_one_line_and_lists_in_them_at_a_whole_row(browser, shown):
    """On a desktop: a hole below the shorter card, or half a row at the end of a list, looks like a fault."""
    resize(shown, DESKTOP)
    assert shown.page.evaluate(UNEVEN_ROWS) == []
    assert shown.page.evaluate(CUT_ROWS) == []


@in_both
def test_axe_finds_nothing_serious(browser, shown):
    """Contrast, names, roles and order."""
    resize(shown, DESKTOP)
    assert unknown(shown.page) == []


@in_light
def test_every_chart_says_in_words_what_it_shows(browser, shown):
    """A chart is a figure with a name, which has a number in it; a table has a name, too."""
    charts = shown.page.get_by_test_id("stPlotlyChart")
    labels = charts.evaluate_all("all => all.map(e => e.getAttribute('aria-label') ?? '')")
    assert [label for label in labels if not any(letter.isdigit() for letter in label)] == []
    tables = shown.page.locator('[data-testid="stTable"], [data-testid="stDataFrame"]')
    assert all(tables.evaluate_all("all => all.map(e => !!(e.ariaLabel || e.querySelector('[aria-label]')))"))


@in_light
def test_tab_reaches_all_that_a_mouse_can_press(browser, shown):
    """Every link, button and field, with the filters unfolded; what arrows reach counts when Tab reaches its group."""
    page = shown.page
    resize(shown, DESKTOP)
    has_filters = page.locator(FILTERS).count() > 0  # an order has none
    if has_filters:
        unfold_filters(page)
    page.evaluate(MARK_PRESSABLE)
    page.get_by_role("link", name="Skip to main content").focus()
    unreached = page.locator(f"{UNREACHED}, {UNREACHED_GROUP}")
    for _ in range(MOST_STOPS // STOPS_AT_ONCE):
        for _ in range(STOPS_AT_ONCE):
            page.keyboard.press("Tab")
        if unreached.count() == 0:
            break
    missed = unreached.evaluate_all(f"all => all.map({WORDS})")
    if has_filters:
        page.locator(f"{FILTERS} summary").click()

    assert missed == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_is_folded_away(browser, address, live_shop, scheme):
    """The filters, one of them opened, and a chosen one as a pill, on a page that goes on."""
    with opened(browser, f"{address}/?warehouse=2", None, scheme=scheme) as found:
        unfold_filters(found.page)
        found.page.get_by_role("combobox", name="Courier").click()
        expect(found.page.get_by_role("option").first).to_be_visible()
        assert unknown(found.page) == []


def test_what_is_excused_is_still_wrong(browser, address, live_shop):
    """An excuse goes when Streamlit mends its cause. Tiles have lines over seven days even when the day is young."""
    with opened(browser, f"{address}/?range=7+d", None) as found:
        for known in KNOWN:
            expect(found.page.locator(known.selector).first).to_be_attached()  # such a chart is drawn after its tile
            assert any(rule == known.rule for rule, _, _ in findings(found.page)), known
