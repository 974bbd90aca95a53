"""How fast the dashboard answers over a large shop, and what ten readers cost more than one.

The shop is that of an instance that is up (`ECOM_HOME`), with as many orders as were simulated into it:

    ecom up && ecom simulate --days 10.75 --rate max && ecom stream --available-now     # about a million orders
    python -m benchmarks.dashboard [--refreshes 3] [--pages overview …] [--seconds 60]

Server time is that of Streamlit's script runner, from a rerun's beginning to its end, queries and charts included:
of a whole page when it is opened, and of its fragment at every refresh. Browser time is from the navigation of a warm
Chromium (a profile that has shown the dashboard three times) to the first tile with a figure. Commands to MongoDB are
counted by a listener in the server's process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, Page

from benchmarks.viewer import watch
from dashboard.ranges import Preset
from dashboard.selection import Choice
from ecom_platform.local.endpoints import choose_ports
from ecom_platform.settings import load_settings
from ecom_platform.store import database
from ecom_platform.store.collections import ORDERS
from ecom_platform_tests.web_browser.find import driven

PAGES = ("overview", "sales", "delivery", "inventory", "alerts", "history", "pipeline")
RANGES = (Preset.HOUR, Preset.TODAY, Preset.YESTERDAY, Preset.WEEK, Preset.MONTH)
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
BADGE_MS = 60_000
VISITS_BEFORE = 3
VIEWERS = 9  # besides the one in Chromium


@dataclass(frozen=True)
class Served:
    """A dashboard's server and the lines its witness writes."""

    port: int
    lines_file: Path

    @property
    def address(self) -> str:
        """Its root."""
        return f"http://127.0.0.1:{self.port}"

    def lines(self, kind: str, since: float) -> list[dict[str, Any]]:
        """What was witnessed since then."""
        found = (json.loads(line) for line in self.lines_file.read_text().splitlines())
        return [line for line in found if line["kind"] == kind and line["at"] >= since]


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refreshes", type=int, default=3)
    parser.add_argument("--pages", nargs="+", default=PAGES, choices=PAGES)
    parser.add_argument("--seconds", type=float, default=60.0, help="of ten readers")
    options = parser.parse_args()
    settings = load_settings()
    print(f"{database(settings)[ORDERS].estimated_document_count():,} orders in MongoDB\n")
    print("| page | range | first, server ms | first, browser ms | refresh, server ms (median, most) | CPU ms |")
    print("|---|---|---|---|---|---|")
    with driven() as (playwright, found), tempfile.TemporaryDirectory(prefix="ecom-bench-") as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=found.program,
            args=[*CHROMIUM, *found.arguments],
            env=found.environment,
            viewport={"width": 1366, "height": 768},
        )
        for page in options.pages:
            for preset in RANGES:
                # A server of its own, so that no answer is left from the page before.
                with served() as server:
                    measure(browser, server, page, preset, options.refreshes)
        with served() as server:
            crowd(browser, server, options.seconds)
        browser.close()


@contextmanager
def served() -> Iterator[Served]:
    """A watched server of the dashboard over the instance at hand."""
    with tempfile.TemporaryDirectory(prefix="ecom-bench-") as folder:
        server = Served(_free_port(), Path(folder) / "lines.jsonl")
        command = [sys.executable, "-m", "benchmarks.watched_dashboard", str(server.lines_file)]
        command += ["--server.address", "127.0.0.1", "--server.port", str(server.port)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, env=os.environ, stdout=log, stderr=log)
        try:
            _await_server(f"{server.address}/_stcore/health", process)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def measure(browser: BrowserContext, server: Served, page: str, preset: Preset, refreshes: int) -> None:
    """One row: a page at a range, first and again."""
    # Another page of the server fills the browser's cache and imports the code, but asks none of these questions; what
    # the browser compiled is kept from the second time on.
    for _ in range(VISITS_BEFORE):
        warm = browser.new_page()
        warm.goto(f"{server.address}/order")
        warm.get_by_test_id("stMain").wait_for(timeout=BADGE_MS)
        warm.wait_for_timeout(1500)
        warm.close()
    began = time.time()
    opened, seen = _open(browser, f"{server.address}/{page}?range={quote(preset)}")
    pace = Choice(preset).pace_seconds
    first = _first_run_ms(server, began)
    if pace is not None:
        time.sleep(pace * refreshes + 1)
    runs = _page_refreshes(server.lines("run", began)) if pace is not None else []
    opened.close()
    again = f"{statistics.median(r['ms'] for r in runs):.0f}, {max(r['ms'] for r in runs):.0f}" if runs else "–"
    used = f"{statistics.median(r['cpu_ms'] for r in runs):.0f}" if runs else "–"
    print(f"| {page} | {preset} | {first:.0f} | {seen * 1000:.0f} | {again} | {used} |", flush=True)


def _first_run_ms(server: Served, began: float) -> float:
    """Server time of the whole page; its first figure is on the screen before the last one is drawn."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in server.lines("run", began):
            if not run["fragments"]:
                return float(run["ms"])
        time.sleep(0.1)
    raise RuntimeError("the page was never complete")


def _open(browser: BrowserContext, address: str) -> tuple[Page, float]:
    """The page, and the seconds until its first figure is on the screen."""
    page = browser.new_page()
    started = time.perf_counter()
    page.goto(address)
    # Alerts has sentences in cards, and no tile.
    figure = page.locator("[data-testid=stMetricValue], .js-plotly-plot, .st-key-card-alerts-open")
    figure.first.wait_for(timeout=BADGE_MS)
    return page, time.perf_counter() - started


def _page_refreshes(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the page's own fragment: the badge has another, which runs every second."""
    by_fragment: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for fragment in run["fragments"]:
            by_fragment.setdefault(fragment, []).append(run)
    return min(by_fragment.values(), key=len, default=[])


def crowd(browser: BrowserContext, server: Served, seconds: float) -> None:
    """Ten readers of the Overview: questions are asked once per tick, however many wait for the answer."""
    pace = Choice(Preset.TODAY).pace_seconds or 0.0
    print(f"\nTen readers of the Overview for {seconds:.0f} s (one Chromium, {VIEWERS} WebSocket sessions):\n")
    began = time.time()
    opened, _ = _open(browser, f"{server.address}/overview")

    async def watch_all() -> list[int]:
        return await asyncio.gather(*(watch(server.port, "overview", "", seconds) for _ in range(VIEWERS)))

    with ThreadPoolExecutor(1) as pool:  # Playwright's own loop runs in this thread
        runs = pool.submit(asyncio.run, watch_all()).result()
    lasted = time.time() - began
    opened.close()
    commands: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for line in server.lines("command", began):
        commands[line["question"]][line["asked"]] += 1
    print("| question | times asked | most allowed (seconds ÷ ttl + 1) | commands each time |\n|---|---|---|---|")
    for question, by_time in sorted(commands.items()):
        # The badge has a time of its own; what is asked more seldom than a page is drawn stays far below.
        allowed = int(lasted / {"pulse": 0.9}.get(question, pace - 0.5)) + 1
        print(f"| {question} | {len(by_time)} | {allowed} | {max(by_time.values())} |")
        assert len(by_time) <= allowed, f"{question} was asked too often"
    print(f"\n{sum(runs)} script runs of the {VIEWERS} sessions in {lasted:.0f} s")


def _free_port() -> int:
    return choose_ports(load_settings().model_copy(update={"dashboard_port": 0}), ["dashboard_port"])["dashboard_port"]


def _await_server(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of our own
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the dashboard's server did not start")


if __name__ == "__main__":
    main()
