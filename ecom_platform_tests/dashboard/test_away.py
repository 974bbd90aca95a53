"""MongoDB away: every page keeps its figures, says so in each panel, and goes on by itself."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from pymongo.errors import PyMongoError

from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import PAGES, SOON_MS, opened

# Eight stops and starts of mongod take minutes; test_page.py has the Overview in every run.
pytestmark = [pytest.mark.servers, pytest.mark.browser, pytest.mark.full]

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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_that_mongodb_is_away_and_goes_on_without_reloading(
    browser, address, path_of, whole_shop, mongod, name
):
    """The page was open: figures stay, each panel has the sentence, no traceback; then figures are new again."""
    shop.beat(whole_shop, datetime.now(UTC))
    with opened(browser, address + path_of(name), None) as screen:
        mongod.stop()
        try:
            expect(screen.page.get_by_text(SENTENCE).first).to_be_visible(timeout=SOON_MS)
            for key in asking_cards(screen.page):
                expect(screen.page.locator(f".{key}"), key).to_contain_text(SENTENCE, timeout=SOON_MS)
            expect(screen.badge()).to_contain_text("No connection", timeout=SOON_MS)
            assert "Traceback" not in screen.page.content()
            figures = figures_on(screen)
            assert name not in WITH_FIGURES or re.search(r"\d", "".join(figures))
            screen.page.wait_for_timeout(REFRESH_MS)
            assert figures_on(screen) == figures
        finally:
            mongod.start()
            beat_when_back(whole_shop)
        expect(screen.page.get_by_text(SENTENCE)).to_have_count(0, timeout=SOON_MS)
        expect(screen.badge()).to_contain_text("Live", timeout=SOON_MS)
