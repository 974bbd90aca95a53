"""What the dashboard's tests share in one process: a mongod of their own, a shop in it, its dashboard, and a browser.

Each of them takes seconds to start and a page opens faster in a browser that has had it open before, so they live as
long as the process. A test that writes into the shop derives what it expects from the shop as it is then.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ecom_platform.store import MongoDatabase, collections, ensure_schema
from ecom_platform.store.client import CODEC
from ecom_platform_tests.dashboard import pipe, shop
from ecom_platform_tests.dashboard.alert_rows import evaluated, forget
from ecom_platform_tests.dashboard.browser import QUIET, Screen, Tabs, opened, served
from ecom_platform_tests.dashboard.server import Mongod
from ecom_platform_tests.web_browser.find import driven


@pytest.fixture(scope="session")
def mongod() -> Iterator[Mongod]:
    """A mongod that tests may stop and start, which the one of the platform would not survive."""
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


@pytest.fixture(scope="session")
def _scratch(mongod: Mongod) -> Iterator[MongoDatabase]:
    with database_of(mongod, "scratch") as db:
        yield db


@pytest.fixture
def shop_db(_scratch: MongoDatabase) -> Iterator[MongoDatabase]:
    """An empty database of this test: to empty one takes a tenth of the time that it takes to make one."""
    yield _scratch
    for name in collections.COLLECTIONS:
        _scratch[name].delete_many({})


@pytest.fixture(scope="session")
def orders() -> list[shop.Order]:
    """The orders that `filled` holds."""
    return shop.orders_of_five_days()


@pytest.fixture(scope="session")
def filled(mongod: Mongod, orders: list[shop.Order]) -> Iterator[MongoDatabase]:
    """A shop that stands still: orders, their rollups, stored in two portions, and full shelves; tests only read it."""
    with database_of(mongod, "filled") as db:
        shop.describe(db)
        shop.fill_shelves(db)
        for portion in (orders[:900], orders[900:]):
            shop.store(db, portion, shop.NOW)
        yield db


@contextmanager
def profiled(db: MongoDatabase) -> Iterator[list[Mapping[str, Any]]]:
    """What the server says of the queries of the body, afterwards; of those that read a collection."""
    seen: list[Mapping[str, Any]] = []
    db.drop_collection("system.profile")
    db.command("profile", 2)
    try:
        yield seen
    finally:
        db.command("profile", 0)
    seen += db["system.profile"].find({"op": {"$in": ["command", "query"]}, "planSummary": {"$exists": True}})


@pytest.fixture(scope="session")
def tabs() -> Iterator[Tabs]:
    """The tabs of a real browser, without any traffic of its own."""
    with ExitStack() as stack:
        playwright, found = stack.enter_context(driven())
        chromium = playwright.chromium.launch(
            executable_path=found.program, args=[*QUIET, *found.arguments], env=found.environment
        )
        tabs = Tabs(chromium)
        asyncio._set_running_loop(None)  # until a test uses it
        yield tabs
        with tabs.in_use():
            tabs.close()
            stack.close()


@pytest.fixture
def browser(tabs: Tabs) -> Iterator[Tabs]:
    """The browser, in use by this test."""
    with tabs.in_use():
        yield tabs


@pytest.fixture(scope="session")
def filled_shop(mongod: Mongod) -> Iterator[MongoDatabase]:
    """A shop with two days of orders up to this instant and stock on its shelves."""
    with database_of(mongod, "shop") as db:
        shop.open_for_two_days(db, datetime.now(UTC))
        shop.fill_shelves(db)
        yield db


@pytest.fixture(scope="module")
def piped_shop(filled_shop: MongoDatabase) -> Iterator[MongoDatabase]:
    """The shop with dead letters, archive runs and checks: no panel is empty. Its archive has no files to read."""
    pipe.fill(filled_shop, datetime.now(UTC))
    yield filled_shop
    pipe.empty(filled_shop)


@pytest.fixture
def live_shop(filled_shop: MongoDatabase) -> MongoDatabase:
    """The shop with orders of today and a heartbeat of this instant."""
    now = shop.today_lasts()
    shop.sell_today(filled_shop, now)
    shop.beat(filled_shop, now)
    return filled_shop


@pytest.fixture
def watched(live_shop: MongoDatabase) -> MongoDatabase:
    """The living shop without alerts, whose rules were evaluated a moment ago and will be for the whole test."""
    forget(live_shop)
    evaluated(live_shop, datetime.now(UTC) + timedelta(minutes=10))
    return live_shop


@pytest.fixture(scope="session")
def path_of(filled_shop: MongoDatabase) -> Callable[[str], str]:
    """The path of a page by its name; the order page shows a delivered order."""
    order = filled_shop.orders.find_one({"delivery.status": "Delivered"}) or {}
    return lambda name: {"overview": "/", "order": f"/order?order_id={order['_id']}"}.get(name, f"/{name}")


@pytest.fixture(scope="session")
def address(mongod: Mongod, filled_shop: MongoDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard's own server over the shop."""
    with served(mongod.settings(filled_shop.name, tmp_path_factory.mktemp("home"))) as found:
        yield found


@pytest.fixture
def screen(browser: Tabs, address: str, live_shop: MongoDatabase) -> Iterator[Screen]:
    """The Overview, open and complete."""
    with opened(browser, address) as found:
        yield found
