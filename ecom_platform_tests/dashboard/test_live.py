"""The whole way: a simulated shop, Kafka, Spark, MongoDB and the page, with a stream that stands still meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from dashboard import formats
from ecom_platform.settings import Settings
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.run import simulate
from ecom_platform.store import MongoDatabase, ensure_schema, load_dimensions
from ecom_platform_tests.conftest import Ecom
from ecom_platform_tests.dashboard.browser import Screen, Tabs, opened, served
from ecom_platform_tests.dashboard.shop import today_lasts
from ecom_platform_tests.programs import until
from ecom_platform_tests.streaming.streams import applied, next_token, running_stream

pytestmark = pytest.mark.usefixtures("topic")

SEED = 5
Kpis = Callable[[], dict[str, int]]


class Range(NamedTuple):
    """A range as the address has it, and its first instant."""

    name: str
    start: datetime


@pytest.fixture
def shown() -> Range:
    """Today, which refreshes soonest; right after midnight it has no order yet, and it is the week."""
    now = today_lasts()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    is_young = now - midnight < timedelta(minutes=10)
    return Range("7+d", midnight - timedelta(days=6)) if is_young else Range("Today", midnight)


@pytest.fixture
def kpis(ecom: Ecom, shown: Range) -> Kpis:
    """What `ecom kpi --json` says of the range on screen."""

    def ask() -> dict[str, int]:
        code, said, _ = ecom("kpi", "--from", f"{shown.start:%Y-%m-%d}", "--json")
        assert code == 0
        return json.loads(said)

    return ask


@pytest.mark.timeout(600)
def test_orders_travel_from_the_shop_to_the_screen_and_a_stream_that_stands_still_is_told(
    settings: Settings, db: MongoDatabase, browser: Tabs, shown: Range, kpis: Kpis
) -> None:
    """Figures are the command line's; a new order shows by itself; without a stream they stay, and the badge tells."""
    ensure_schema(db)
    load_dimensions(db, default_shop(SEED))
    with served(settings) as address, running_stream(settings, next_token(db)) as stream:
        sell(settings, db, 40)
        with opened(browser, f"{address}/?range={shown.name}") as screen:
            before = kpis()
            expect_figures(screen, before)
            sell(settings, db, 3)
            newer = kpis()
            assert newer["orders"] > before["orders"]
            expect_figures(screen, newer)

            with stopped(stream):
                expect(screen.badge()).to_contain_text("Stale")
                expect_figures(screen, newer)

            expect(screen.badge()).to_contain_text(re.compile("Live|Source silent"))
            sell(settings, db, 3)
            expect_figures(screen, kpis())


@contextmanager
def stopped(stream: subprocess.Popen[bytes]) -> Iterator[None]:
    """Meanwhile no process of the stream does anything."""
    os.killpg(stream.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(stream.pid, signal.SIGCONT)


def sell(settings: Settings, db: MongoDatabase, orders: int) -> None:
    """The shop's next orders, with all that has happened to them, applied."""
    simulate(settings, orders=orders, rate="max", seed=SEED, dimensions=default_shop(SEED))
    until("applying the orders", lambda: applied(db, settings))


def expect_figures(screen: Screen, kpis: dict[str, int]) -> None:
    """The tiles come to say what the command line says."""
    expect(screen.tile("Orders")).to_have_text(formats.count(kpis["orders"]))
    expect(screen.tile("Revenue")).to_have_text(formats.money(kpis["revenue_cents"], "USD"))
    expect(screen.tile("Average order value")).to_have_text(formats.money(kpis["aov_cents"], "USD"))
    expect(screen.tile("Units")).to_have_text(formats.count(kpis["units"]))
