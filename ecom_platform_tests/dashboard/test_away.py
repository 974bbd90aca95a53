"""MongoDB away: every page keeps its figures, says so in each panel, and goes on by itself."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import PAGES, opened

# Eight open pages take a minute; test_page.py has the Overview in every run.
pytestmark = pytest.mark.full

SENTENCE = re.compile(r"MongoDB does not answer · last figures \d\d:\d\d:\d\d UTC")
WITH_FIGURES = ("overview", "sales", "delivery", "inventory", "pipeline")
REFRESH_MS = 6_000
# Cards that ask nothing at a refresh: parts of one answer, whose line is above them, and a button.
ASK_NOTHING = ("st-key-card-timeline", "st-key-card-items", "st-key-card-verify")


def asking_cards(page):
    """The keys of the cards that are asked again at every refresh."""
    keys = page.locator('[class*="st-key-card-"]').evaluate_all(
        "all => all.map(e => e.className.match(/st-key-card-\\S+/)[0])"
    )
    return [key for key in keys if key not in ASK_NOTHING]


def figures_on(screen):
    """What the tiles of a page say."""
    return screen.page.get_by_test_id("stMetricValue").all_inner_texts()


def test_every_page_says_that_mongodb_is_away_and_goes_on_without_reloading(
    browser, address, path_of, live_shop, mongod
):
    """The pages were open: figures stay, each panel has the sentence, no traceback; then figures are new again."""
    with ExitStack() as stack:
        pages = {name: stack.enter_context(opened(browser, address + path_of(name), None)) for name in PAGES}
        shop.beat(live_shop, datetime.now(UTC))
        mongod.stop()
        try:
            figures = {name: figures_without_mongodb(screen) for name, screen in pages.items()}
            assert all(re.search(r"\d", "".join(figures[name])) for name in WITH_FIGURES)
            pages["overview"].page.wait_for_timeout(REFRESH_MS)
            assert {name: figures_on(screen) for name, screen in pages.items()} == figures
        finally:
            mongod.start()
        for name, screen in pages.items():
            shop.beat_until(live_shop, screen.is_live)
            expect(screen.page.get_by_text(SENTENCE), name).to_have_count(0)


def figures_without_mongodb(screen):
    """What the tiles say once each panel, too, says that MongoDB is away."""
    expect(screen.page.get_by_text(SENTENCE).first).to_be_visible()
    for key in asking_cards(screen.page):
        expect(screen.page.locator(f".{key}"), key).to_contain_text(SENTENCE)
    expect(screen.badge()).to_contain_text("No connection")
    assert "Traceback" not in screen.page.content()
    return figures_on(screen)
