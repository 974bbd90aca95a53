"""The dashboard in a real browser: how the tests open a page and what none may do."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from ecom_platform.local.server import accepts
from ecom_platform.settings import Settings
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.programs import free_ports, until

ROOT = Path(__file__).parents[2]
SOON_MS = 120_000  # a slow machine is not a wrong page
REPORTED_MS = 10_000  # a report of the stream is old after 15 seconds
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
# Every page there is, as the entry script lists them: running it needs a server.
PAGES = tuple(re.findall(r'^    \("(\w+)", ', _ENTRY, re.MULTILINE))
# How many charts a page has while every panel has figures and nothing is chosen; the others have none.
CHARTS = {"overview": 5, "sales": 5, "delivery": 7, "inventory": 3, "history": 2, "pipeline": 3}
FILTERS = ".st-key-frame details"
DESKTOP, TABLET, PHONE = (1366, 768), (768, 1024), (390, 844)
# What is wider or taller than its place, by the keys of the cards; some may scroll sideways.
MISFITS = """allowed => {
  const cards = [...document.querySelectorAll('[class*="st-key-card-"]')];
  const pages = [document.documentElement, document.querySelector('[data-testid=stMain]')];
  const name = e => (e.className.match?.(/st-key-card-\\S+/) ?? [e.tagName])[0];
  const wider = [...pages, ...cards].filter(e => e.scrollWidth > e.clientWidth).map(name);
  const taller = cards.filter(e => e.scrollHeight > e.clientHeight + 1).map(name);
  return [...wider.filter(key => !allowed.some(end => key.endsWith(end))), ...taller.map(key => `${key} is taller`)];
}"""
_CHARTS_ARE_DRAWN = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].every(
  chart => chart.querySelector('.js-plotly-plot .main-svg'))"""
# Opened at the address of a page, Streamlit's own script first looks for its server below that page.
_PROBE = re.compile(r"/_stcore/(health|host-config)$")


@dataclass
class Screen:
    """A page and what went wrong on it."""

    page: Page
    foreign: list[str]
    errors: list[str]

    def note_request(self, request: Request) -> None:
        """Remember what the page asks another host."""
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.foreign.append(request.url)

    def note_message(self, message: ConsoleMessage) -> None:
        """Remember what the browser calls an error."""
        if message.type == "error" and not _PROBE.search(message.location["url"]):
            self.errors.append(message.text)

    def note_error(self, error: object) -> None:
        """Remember an exception of the page's own scripts."""
        self.errors.append(str(error))

    def tile(self, label: str):
        """The value of the tile called `label`."""
        tile = self.page.get_by_test_id("stMetric").filter(has=self.page.get_by_text(label, exact=True))
        return tile.get_by_test_id("stMetricValue")

    def badge(self):
        """The badge in the row above the page."""
        return self.page.locator(".st-key-state")

    def is_live(self) -> bool:
        """Whether the badge comes to say so within some seconds: it does while the stream reports."""
        with suppress(AssertionError):
            expect(self.badge()).to_contain_text("Live", timeout=REPORTED_MS)
            return True
        return False

    def card(self, key: str):
        """The card of a panel."""
        return self.page.locator(f".st-key-card-{key}")

    def go_to(self, title: str):
        """Follow the navigation, which folds away on a narrow screen."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=title).click()


class Tabs:
    """The tabs of one browser, each with cookies and storage of its own, used by one test after the other.

    What a tab has compiled once it need not compile again: a page opens in it with a third of the work.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._loop = asyncio.get_running_loop()
        self._free: list[Page] = []

    @contextmanager
    def in_use(self) -> Iterator[Tabs]:
        """While it is used, Playwright's loop counts as running in this thread; between, other tests may run theirs."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield self
        finally:
            asyncio._set_running_loop(before)

    def close(self) -> None:
        """End the browser."""
        self._chromium.close()

    def take(self) -> Page:
        """A tab that is not in use."""
        if self._free:
            return self._free.pop()
        context = self._chromium.new_context()
        context.set_default_timeout(SOON_MS)
        return context.new_page()

    def put_back(self, page: Page) -> None:
        """Leave what is open, so that it costs nothing, and forget it."""
        for other in page.context.pages:
            if other is not page:
                other.close()
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        # Of the same server: for another one the tab would begin again with nothing compiled.
        page.goto(urljoin(page.url, "/_stcore/health"))
        self._free.append(page)


@contextmanager
def opened(tabs: Tabs, address: str, charts="all", size=DESKTOP, scheme="light") -> Iterator[Screen]:
    """Open a page, all of whose charts come, or so many; then nothing may have asked another host or failed.

    Args:
        charts: None: until it is drawn, with whatever is on it.
    """
    page = tabs.take()
    found = Screen(page, [], [])
    listeners = {"request": found.note_request, "console": found.note_message, "pageerror": found.note_error}
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(address)
        if charts is None:
            wait_until_drawn(page)
        else:
            name = urlsplit(address).path.strip("/") or "overview"
            count = CHARTS.get(name, 0) if charts == "all" else charts
            expect(page.locator(".js-plotly-plot"), f"charts of {name}, see CHARTS in browser.py").to_have_count(count)
        yield found
    except BaseException:
        page.context.close()  # in any state
        raise
    exceptions = page.get_by_test_id("stException").count()
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    tabs.put_back(page)
    assert found.foreign == []
    assert found.errors == []
    assert exceptions == 0


def wait_until_drawn(page: Page) -> None:
    """A page is drawn when its tiles or cards and their charts are there, no skeleton is left, and its script rests."""
    drawn = page.locator('[data-testid="stMetric"], [class*="st-key-card-"]').first
    expect(drawn).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_function(_CHARTS_ARE_DRAWN)


def unfold_filters(page: Page) -> None:
    """Unfold the filters with a click, and wait as a reader does until they are."""
    page.locator(f"{FILTERS} summary").click()
    wait_until_unfolded(page)


def wait_until_unfolded(page: Page) -> None:
    """The filters stand still: to reach one of them while they unfold scrolls within them, which closes its list."""
    expect(page.locator(f"{FILTERS}[open]")).to_have_count(1)
    still = f"document.querySelector('{FILTERS}').getAnimations({{ subtree: true }}).length === 0"
    page.wait_for_function(still)


def take_by_typing(page: Page, text: str) -> None:
    """Type into the list that has the focus and take its first option, once it is offered."""
    page.keyboard.type(text)
    expect(page.get_by_role("option").first).to_contain_text(text)
    page.keyboard.press("Enter")


def resize(screen: Screen, size: tuple[int, int]) -> None:
    """Give the window another size, as a reader does who turns a tablet."""
    screen.page.set_viewport_size({"width": size[0], "height": size[1]})


def assert_it_fits(screen: Screen, *, wider_allowed: tuple[str, ...] = ()) -> None:
    """No horizontal scrolling of the page or of a card, and no card with more in it than its height.

    What is drawn for another size comes a moment after the size; only what stays as it is counts.
    """
    with suppress(PlaywrightTimeout):
        screen.page.wait_for_function(f"allowed => ({MISFITS})(allowed).length === 0", arg=list(wider_allowed))
    misfits = screen.page.evaluate(MISFITS, list(wider_allowed))
    assert misfits == [], misfits


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """A dashboard server of our own, which logs in as the role dashboard; its address."""
    (port,) = free_ports(1)
    argv = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    argv += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECOM_")}
    environment |= variables(settings)
    with (settings.home / "dashboard.log").open("wb") as log:
        server = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        until("the dashboard answers", lambda: accepts("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()  # told to end, it takes two seconds over its goodbyes
        server.wait(20)
