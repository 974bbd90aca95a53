"""MongoDB away: every page keeps its figures, says so in each panel, and goes on by itself."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from pymongo.errors import PyMongoError

from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import PAGES, SOON_MS, opened

# Eight pages at once and a wait for each of their panels take minutes; test_page.py has the Overview in every run.
pytestmark = [pytest.mark.servers, pytest.mark.browser, pytest.mark.full, pytest.mark.timeout(1200)]

SENTENCE = re.compile(r"MongoDB does not answer · last figures \d\d:\d\d:\d\d UTC")
WITH_FIGURES = ("overview", "sales", "delivery", "inventory", "pipeline")
REFRESH_MS = 6_000
# Cards that ask nothing at a refresh: parts of one answer, whose line is above them, and a button.
ASK_NOTHING = ("st-key-card-timeline", "st-key-card-items", "st-key-card-verify")


def beat_when_back(db):
    """A heartbeat as soon as MongoDB takes one: after its start comes an election."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return shop.beat(db, datetime.now(UTC))
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


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
    browser, address, path_of, whole_shop, mongod
):
    """All pages were open: figures stay, each panel has the sentence, no traceback; then figures are new again."""
    with ExitStack() as stack:
        screens = {name: stack.enter_context(opened(browser, address + path_of(name), None)) for name in PAGES}
        mongod.stop()
        try:
            for name, one in screens.items():
                expect(one.page.get_by_text(SENTENCE).first).to_be_visible(timeout=SOON_MS)
                for key in asking_cards(one.page):
                    expect(one.page.locator(f".{key}"), f"{name}, {key}").to_contain_text(SENTENCE, timeout=SOON_MS)
                expect(one.badge()).to_contain_text("No connection", timeout=SOON_MS)
                assert "Traceback" not in one.page.content()
            figures = {name: figures_on(one) for name, one in screens.items()}
            assert all(re.search(r"\d", "".join(figures[name])) for name in WITH_FIGURES)
            next(iter(screens.values())).page.wait_for_timeout(REFRESH_MS)
            assert {name: figures_on(one) for name, one in screens.items()} == figures
        finally:
            mongod.start()
            beat_when_back(whole_shop)
        for one in screens.values():
            expect(one.page.get_by_text(SENTENCE)).to_have_count(0, timeout=SOON_MS)
            expect(one.badge()).to_contain_text("Live", timeout=SOON_MS)
