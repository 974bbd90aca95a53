"""The dashboard in a real browser: how the tests open a page and what none may do."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from ecom_platform.settings import Settings
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.dashboard.server import free_port

ROOT = Path(__file__).parents[2]
SOON_MS = 60_000  # a slow machine is not a wrong page
expect.set_options(timeout=SOON_MS)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_ENTRY = (ROOT / "dashboard" / "app.py").read_text(encoding="utf-8")
# Every page there is: those of the navigation, which the entry script lists (running it needs a server), and the order.
PAGES = (*(name for name, *_ in ast.literal_eval(_ENTRY.split("PAGES = ")[1].split("\n\n")[0])), "order")
FILTERS = ".st-key-frame details"
SCREENS = [
    pytest.param(width, height, scheme, marks=[pytest.mark.full] if scheme == "dark" and width != 1366 else [])
    for width, height in ((1366, 768), (768, 1024), (390, 844))
    for scheme in ("light", "dark")
]
"""Width, height and theme: every width in one theme, and every theme at one width; the other pairs in the long run."""
# Opened at the address of a page, Streamlit's own script first looks for its server below that page.
_PROBE = re.compile(r"/_stcore/(health|host-config)$")


@dataclass
class Screen:
    """A page and what went wrong on it."""

    page: Page
    foreign: list[str]
    errors: list[str]

    def tile(self, label: str):
        """The value of the tile called `label`."""
        tile = self.page.get_by_test_id("stMetric").filter(has=self.page.get_by_text(label, exact=True))
        return tile.get_by_test_id("stMetricValue")

    def badge(self):
        """The badge in the row above the page."""
        return self.page.locator(".st-key-state")

    def card(self, key: str):
        """The card of a panel."""
        return self.page.locator(f".st-key-card-{key}")

    def go_to(self, title: str):
        """Follow the navigation, which folds away on a narrow screen."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=title).click()


@contextmanager
def opened(browser: Browser, address: str, charts=5, width=1366, height=768, scheme="light") -> Iterator[Screen]:
    """Open a page with so many charts (None: until it is drawn); then nothing may have asked another host or failed."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.set_default_timeout(SOON_MS)
    page = context.new_page()
    found = Screen(page, [], [])
    page.on("request", lambda request: found.foreign.append(request.url) if _is_foreign(request.url) else None)
    page.on("console", lambda message: found.errors.append(message.text) if _is_error(message) else None)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.goto(address)
    if charts is None:
        wait_until_drawn(page)
    else:
        expect(page.locator(".js-plotly-plot")).to_have_count(charts, timeout=SOON_MS)
    yield found
    exceptions = page.get_by_test_id("stException").count()
    context.close()
    assert found.foreign == []
    assert found.errors == []
    assert exceptions == 0


def wait_until_drawn(page: Page) -> None:
    """A page is drawn when its tiles or cards are there, no skeleton is left, and its script rests."""
    drawn = page.locator('[data-testid="stMetric"], [class*="st-key-card-"]').first
    expect(drawn).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=SOON_MS)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=SOON_MS)


def unfold_filters(page: Page) -> None:
    """Unfold the filters with a click, and wait as a reader does until they are."""
    page.locator(f"{FILTERS} summary").click()
    wait_until_unfolded(page)


def wait_until_unfolded(page: Page) -> None:
    """The filters stand still: to reach one of them while they unfold scrolls within them, which closes its list."""
    expect(page.locator(f"{FILTERS}[open]")).to_have_count(1, timeout=SOON_MS)
    still = f"document.querySelector('{FILTERS}').getAnimations({{ subtree: true }}).length === 0"
    page.wait_for_function(still, timeout=SOON_MS)


def take_by_typing(page: Page, text: str) -> None:
    """Type into the list that has the focus and take its first option, once it is offered."""
    page.keyboard.type(text)
    expect(page.get_by_role("option").first).to_contain_text(text, timeout=SOON_MS)
    page.keyboard.press("Enter")


def assert_it_fits(screen: Screen, *, wider_allowed: tuple[str, ...] = ()) -> None:
    """No horizontal scrolling of the page or of a card, and no card with more in it than its height."""
    cards = """[...document.querySelectorAll('[class*="st-key-card-"]')]"""
    name = "e => (e.className.match?.(/st-key-card-\\S+/) ?? [e.tagName])[0]"
    page = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
    wider = screen.page.evaluate(f"[...{page}, ...{cards}].filter(e => e.scrollWidth > e.clientWidth).map({name})")
    taller = screen.page.evaluate(f"{cards}.filter(e => e.scrollHeight > e.clientHeight + 1).map({name})")
    assert [key for key in wider if not key.endswith(wider_allowed or "-")] == []
    assert taller == [], taller


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """A dashboard server of our own, which logs in as the role dashboard; its address."""
    port = free_port()
    argv = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    argv += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECOM_")}
    environment |= variables(settings)
    with (settings.home / "dashboard.log").open("wb") as log:
        server = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_served(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _is_foreign(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def _is_error(message) -> bool:
    return message.type == "error" and not _PROBE.search(message.location["url"])


def _wait_until_served(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of our own
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the dashboard's server did not start")
