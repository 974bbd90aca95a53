"""A mongod of the dashboard's own: these tests stop and start it, which the one all tests share would not survive."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser
from pymongo import MongoClient

from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store.client import CODEC
from ecom_platform_tests.dashboard import pipe, shop
from ecom_platform_tests.dashboard.browser import QUIET, Screen, opened, served
from ecom_platform_tests.dashboard.server import Mongod
from ecom_platform_tests.web_browser.find import driven


@pytest.fixture(scope="module")
def mongod() -> Iterator[Mongod]:
    """A running mongod of this module."""
    with tempfile.TemporaryDirectory(prefix="ecom-dashboard-") as folder:
        server = Mongod(Path(folder))
        server.start()
        try:
            server.initiate()
            yield server
        finally:
            server.stop()


@contextmanager
def database_of(mongod: Mongod, name: str) -> Iterator[MongoDatabase]:
    """An empty database with the platform's schema; dropped afterwards."""
    with MongoClient(mongod.admin_uri, tz_aware=True) as client:
        db = client.get_database(name, CODEC)
        ensure_schema(db)
        yield db
        client.drop_database(name)


@pytest.fixture
def shop_db(mongod: Mongod) -> Iterator[MongoDatabase]:
    """An empty database of this test."""
    with database_of(mongod, f"t{uuid4().hex[:12]}") as db:
        yield db


@pytest.fixture(scope="module")
def module_db(mongod: Mongod) -> Iterator[MongoDatabase]:
    """A database that the tests of a module fill once and only read."""
    with database_of(mongod, f"m{uuid4().hex[:12]}") as db:
        yield db


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real one, without any traffic of its own."""
    with driven() as (playwright, found):
        chromium = playwright.chromium.launch(
            executable_path=found.program, args=[*QUIET, *found.arguments], env=found.environment
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def live_shop(module_db: MongoDatabase) -> MongoDatabase:
    """A shop with two days of orders up to this instant; some were forgotten and are late now."""
    now = datetime.now(UTC)
    shop.describe(module_db)
    orders = shop.orders_between(now - timedelta(hours=50), now, 1500, seed=11)
    # By chance alone nothing is late at some minutes of the day, and then a chart is missing.
    forgotten = now - timedelta(hours=8)
    orders += shop.orders_between(forgotten - timedelta(hours=1), forgotten, 30, seed=12)
    # Nor would there be an order of today right after midnight.
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    orders += shop.orders_between(max(today, now - timedelta(minutes=5)), now, 12, seed=13)
    shop.store(module_db, orders, now)
    return module_db


@pytest.fixture(scope="module")
def whole_shop(live_shop: MongoDatabase) -> MongoDatabase:
    """The living shop with stock, dead letters, archive runs and Dagster's reports: no panel is empty."""
    now = datetime.now(UTC)
    shop.fill_shelves(live_shop)
    pipe.fill(live_shop, now)
    shop.beat(live_shop, now)
    return live_shop


@pytest.fixture(scope="module")
def path_of(whole_shop: MongoDatabase) -> Callable[[str], str]:
    """The path of a page by its name; the order page shows a delivered order."""
    order = whole_shop.orders.find_one({"delivery.status": "Delivered"}) or {}
    return lambda name: {"overview": "/", "order": f"/order?order_id={order['_id']}"}.get(name, f"/{name}")


@pytest.fixture(scope="module")
def address(mongod: Mongod, module_db: MongoDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard's own server over the module's database."""
    with served(mongod.settings(module_db.name, tmp_path_factory.mktemp("home"))) as found:
        yield found


@pytest.fixture
def screen(browser: Browser, address: str, live_shop: MongoDatabase) -> Iterator[Screen]:
    """The Overview, open and complete, with a heartbeat of this instant."""
    shop.beat(live_shop, datetime.now(UTC))
    with opened(browser, address) as found:
        yield found
