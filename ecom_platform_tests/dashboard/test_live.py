"""The whole way: a simulated shop, Kafka, Spark, MongoDB and the page, with a stream that is killed meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from dashboard import formats
from ecom_platform.cli import cli, run
from ecom_platform.settings import Settings
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.run import simulate
from ecom_platform.store import MongoDatabase, ensure_schema, load_dimensions
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.dashboard.browser import SOON_MS, Screen, opened, served
from ecom_platform_tests.streaming.streams import applied, next_token, running_stream, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.browser, pytest.mark.usefixtures("topic")]

SEED = 5
Kpis = Callable[[], dict[str, int]]


@pytest.fixture
def kpis(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kpis:
    """What `ecom kpi --json` says of the last seven days; today alone has no order yet right after midnight."""
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)

    def ask() -> dict[str, int]:
        first = f"{datetime.now(UTC) - timedelta(days=6):%Y-%m-%d}"
        assert run(lambda: cli.main(args=["kpi", "--from", first, "--json"], standalone_mode=False)) == 0
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.mark.timeout(600)
def test_orders_travel_from_the_shop_to_the_screen_and_a_killed_stream_is_told(
    settings: Settings, db: MongoDatabase, browser: Browser, kpis: Kpis
) -> None:
    """Figures are the command line's; a new order shows by itself; without a stream they stay, and the badge tells."""
    ensure_schema(db)
    load_dimensions(db, default_shop(SEED))
    with (
        served(settings) as address,
        running_stream(settings, next_token(db)) as stream,
    ):
        sell(settings, db, 40)
        with opened(browser, f"{address}/?range=7+d") as screen:
            before = kpis()
            expect_figures(screen, before)
            sell(settings, db, 3)
            newer = kpis()
            assert newer["orders"] > before["orders"]
            expect_figures(screen, newer)

            stream.kill()
            expect(screen.badge()).to_contain_text("Stale", timeout=SOON_MS)
            expect_figures(screen, newer)

            with running_stream(settings, next_token(db)):
                expect(screen.badge()).to_contain_text(re.compile("Live|Source silent"), timeout=2 * SOON_MS)
                sell(settings, db, 3)
                expect_figures(screen, kpis())


def sell(settings: Settings, db: MongoDatabase, orders: int) -> None:
    """The shop's next orders, with all that has happened to them, applied."""
    simulate(settings, orders=orders, rate="max", seed=SEED, dimensions=default_shop(SEED))
    wait_until(lambda: applied(db, settings), "applying the orders")


def expect_figures(screen: Screen, kpis: dict[str, int]) -> None:
    """The tiles come to say what the command line says."""
    expect(screen.tile("Orders")).to_have_text(formats.count(kpis["orders"]), timeout=SOON_MS)
    expect(screen.tile("Revenue")).to_have_text(formats.money(kpis["revenue_cents"], "USD"), timeout=SOON_MS)
    expect(screen.tile("Average order value")).to_have_text(formats.money(kpis["aov_cents"], "USD"), timeout=SOON_MS)
    expect(screen.tile("Units")).to_have_text(formats.count(kpis["units"]), timeout=SOON_MS)
