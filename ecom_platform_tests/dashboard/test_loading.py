"""While a history is being loaded: a figure is that of all orders of its time, or it says that it cannot be known."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from dashboard.queries.delivering import placed_by
from dashboard.queries.delivery import states, states_by_bucket
from dashboard.queries.history import week_hours
from dashboard.queries.overview import revenue_line, tiles
from dashboard.queries.products import product_by_bucket, product_sales
from dashboard.queries.sales import returned_cents, sales_by_category, sales_by_city, sales_by_payment
from dashboard.queries.selling import ranked_products, sales_tiles
from dashboard.ranges import Preset, Span, Window, resolve
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain
from ecom_platform.store import Loading, MongoDatabase, write_loading
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.alert_rows import forget
from ecom_platform_tests.dashboard.browser import Tabs, opened
from ecom_platform_tests.dashboard.shop import DAY, MIDNIGHT, NOW

HOUR = timedelta(hours=1)
ALL = Filters()
KNOWN_FROM = MIDNIGHT + 10 * HOUR


@pytest.mark.parametrize(
    ("preset", "known_from", "begins"),
    [
        (Preset.TODAY, KNOWN_FROM, KNOWN_FROM),
        (Preset.TODAY, MIDNIGHT - HOUR, MIDNIGHT),
        (Preset.HOUR, KNOWN_FROM, datetime(2026, 11, 23, 13, 48, tzinfo=UTC)),
        (Preset.WEEK, MIDNIGHT - 5 * HOUR, MIDNIGHT - 5 * HOUR),
        (Preset.TODAY, NOW - timedelta(minutes=2), None),  # no half hour of it is whole yet
        (Preset.YESTERDAY, KNOWN_FROM, None),
        (Preset.MONTH, KNOWN_FROM, None),  # kept by whole days
    ],
)
def test_a_range_is_cut_to_what_is_known_of_it(preset: Preset, known_from: datetime, begins: datetime | None) -> None:
    """From the first whole bucket on; None where no such bucket has begun."""
    span = resolve(preset, NOW)
    known = span.since(known_from, NOW)

    assert (known and known.window) == (begins and Window(begins, span.window.end))
    assert known is None or known.is_cut is (begins != span.window.start)


Figure = Callable[[MongoDatabase, Span], object]
KNOWN_WHILE_LOADING: dict[str, Figure] = {
    "tiles": lambda db, span: tiles(db, span, ALL, NOW, history_complete=False).sales,
    "revenue line": lambda db, span: revenue_line(db, span, ALL, NOW, history_complete=False).buckets,
    "states": lambda db, span: states(db, span.window, span.grain, ALL),
    "states over time": lambda db, span: states_by_bucket(db, span.window, span.grain, ALL),
    "payment": lambda db, span: sales_by_payment(db, span.window, span.grain, ALL),
    "products": lambda db, span: product_sales(db, span.products, ALL),
    "ranked products": lambda db, span: ranked_products(db, span, ALL, "units", history_complete=False),
    "one product": lambda db, span: product_by_bucket(db, span.products, Grain.HOUR, ALL, 1),
    "sales tiles": lambda db, span: sales_tiles(db, span, ALL, history_complete=False).sold,
    "returned": lambda db, span: returned_cents(db, span.window, span.grain, ALL),
    "categories": lambda db, span: sales_by_category(db, span.window, span.grain, ALL),
    "cities": lambda db, span: sales_by_city(db, span.window, span.grain, ALL),
    "couriers and warehouses": lambda db, span: placed_by(db, span, ALL),
}


def test_figures_that_are_shown_while_loading_do_not_change_when_it_is_over(shop_db: MongoDatabase) -> None:
    """With only the beginning and the newest hours of two days they are what they are with all of them."""
    orders = shop.orders_between(MIDNIGHT - 2 * DAY, NOW, 1500, seed=5)
    shop.describe(shop_db)
    spans = [resolve(preset, NOW).since(KNOWN_FROM, NOW) for preset in (Preset.TODAY, Preset.HOUR, Preset.WEEK)]
    missing = [order for order in orders if MIDNIGHT - DAY <= order["order_time"] < KNOWN_FROM]
    loaded = [order for order in orders if order not in missing]

    shop.store(shop_db, loaded, NOW)
    early = {(name, span): ask(shop_db, span) for name, ask in KNOWN_WHILE_LOADING.items() for span in spans if span}
    hours = week_hours(shop_db, NOW, ALL, Loading(0.5, KNOWN_FROM))
    shop.store(shop_db, missing, NOW)
    whole = {(name, span): ask(shop_db, span) for name, ask in KNOWN_WHILE_LOADING.items() for span in spans if span}

    assert len(early) == 3 * len(KNOWN_WHILE_LOADING)
    assert early == whole
    assert len(missing) > 500
    assert {hour.at for hour in hours if hour.orders is not None} == {KNOWN_FROM + n * HOUR for n in range(5)}


@pytest.fixture
def loading_shop(live_shop: MongoDatabase) -> Iterator[MongoDatabase]:
    """The living shop while its history is loaded, known from an hour ago on."""
    now = datetime.now(UTC)
    forget(live_shop)  # an alert that is open is shown
    write_loading(live_shop, "a test", Loading(0.41, now - HOUR))
    live_shop.loading.update_one({"_id": "a test"}, {"$set": {"expires_at": now + DAY}})
    over = threading.Event()

    def beat() -> None:
        while not over.wait(1.0):  # as the stream does: on a slow machine, too, it is not silent
            shop.beat(live_shop, datetime.now(UTC))

    beating = threading.Thread(target=beat)
    beating.start()
    yield live_shop
    over.set()
    beating.join()
    live_shop.loading.delete_many({})


def test_no_page_shows_a_figure_that_cannot_be_known_yet(
    browser: Tabs, address: str, loading_shop: MongoDatabase
) -> None:
    """What is late, kept, on the shelves or wrong waits for the end of the loading; what was sold lately is there."""
    with opened(browser, f"{address}/?range=1+h", charts=None) as screen:
        expect(screen.badge()).to_contain_text("Loading history 41 %")
        expect(screen.tile("Orders")).to_have_text(re.compile(r"^[1-9][\d,]*$"))
        for label in ("Late now", "On-time share"):
            expect(screen.tile(label)).to_have_text("—")
        expect(screen.card("attention")).to_contain_text("After loading")
    for page, hidden in (("delivery", ("late", "couriers", "ages", "delays")), ("inventory", ("shelves", "cover"))):
        with opened(browser, f"{address}/{page}", charts=None) as screen:
            for value in screen.page.get_by_test_id("stMetricValue").all():
                expect(value).to_have_text("—")
            for key in hidden:
                expect(screen.card(key)).to_contain_text("41 % of the history is loaded")
                expect(screen.card(key)).to_contain_text("After loading")
