"""What the Overview compares, lists and draws, counted by hand; test_filters.py holds the figures of every range."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard.queries.delivery import (
    courier_promises,
    late_orders,
    open_orders,
    promises,
    promises_by_bucket,
    steps_by_bucket,
)
from dashboard.queries.overview import last_orders, revenue_line, tiles
from dashboard.queries.products import product_by_bucket, product_sales
from dashboard.queries.sales import (
    data_start,
    sales_by_bucket,
    sales_by_category,
    sales_by_city,
    sales_by_warehouse,
)
from dashboard.ranges import Preset, Window, resolve
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain
from ecom_platform.store import collections
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.conftest import profiled
from ecom_platform_tests.dashboard.shop import BEGUN, DAY, MIDNIGHT, NOW

ALL = Filters()


def placed_in(orders, window):
    """The orders of a window, chosen by their own time."""
    return [order for order in orders if window.start <= order["order_time"] < window.end]


def valid(orders):
    """Without the cancelled ones."""
    return [order for order in orders if order["delivery"]["status"] != "Cancelled"]


@pytest.mark.parametrize("preset", [Preset.HOUR, Preset.TODAY, Preset.WEEK])
def test_tiles_compare_booked_measures_up_to_the_cut_on_both_sides(preset, shop_db, orders):
    """The change of revenue is that of booked value over equal spans, cancelled orders in on both sides."""
    span = resolve(preset, NOW)
    shop.store(shop_db, orders := orders[::3], NOW)
    shop.store(shop_db, early := shop.orders_between(NOW - 16 * DAY, NOW - 14 * DAY, 200, seed=6, now=NOW), NOW)
    everything = orders + early
    now, before = (
        sum(order["total_cents"] for order in placed_in(everything, window))
        for window in (span.comparison.current, span.comparison.baseline)
    )

    found = tiles(shop_db, span, ALL, NOW)

    assert found.before is not None
    assert found.booked_change == (pytest.approx((now - before) / before) if before else None)
    assert found.current.booked_cents == now
    assert found.before.booked_cents == before


def test_there_is_no_comparison_with_a_day_the_shop_did_not_see_whole(filled, orders):
    """Yesterday is compared with the day before only if data began before that day did; while history loads, never."""
    assert tiles(filled, resolve(Preset.TODAY, NOW), ALL, NOW).before is not None
    assert tiles(filled, resolve(Preset.TODAY, NOW), ALL, NOW, history_complete=False).before is None
    assert tiles(filled, resolve(Preset.WEEK, NOW), ALL, NOW).before is None
    assert tiles(filled, resolve(Preset.MONTH, NOW), ALL, NOW).before is None
    assert data_start(filled) == BEGUN


def test_buckets_are_complete_and_add_up_to_the_total(filled, orders):
    """Every half hour of a day is there, empty ones as zero, and together they are the day."""
    window = Window(MIDNIGHT - DAY, MIDNIGHT)

    buckets = sales_by_bucket(filled, window, Grain.HALF_HOUR, ALL)

    assert [bucket.at for bucket in buckets] == [window.start + n * timedelta(minutes=30) for n in range(48)]
    assert sum(b.total.revenue_cents for b in buckets) == sum(
        o["total_cents"] for o in valid(placed_in(orders, window))
    )
    assert sum(bucket.total.valid_orders for bucket in buckets) == len(valid(placed_in(orders, window)))


def test_the_running_bucket_is_not_part_of_the_line(filled, orders):
    """The half hour that is not over stands apart, so that the line does not seem to fall."""
    line = revenue_line(filled, resolve(Preset.TODAY, NOW), ALL, NOW)
    half_past_two = MIDNIGHT + timedelta(hours=14, minutes=30)
    running = valid(placed_in(orders, Window(half_past_two, NOW)))

    assert line.closed[-1].at == half_past_two - timedelta(minutes=30)
    assert line.running is not None
    assert (line.running.at, line.running.total.revenue_cents) == (
        half_past_two,
        sum(o["total_cents"] for o in running),
    )
    assert len(line.earlier) == 48


def test_promises_by_half_hour_add_up_to_the_day(filled, orders):
    """The line of the tile shows the same orders as its figure."""
    window = resolve(Preset.TODAY, NOW).promises

    found = promises_by_bucket(filled, window, Grain.HALF_HOUR, ALL)

    whole = promises(filled, window, ALL)
    assert sum(bucket.due for bucket in found) == whole.due > 0
    assert sum(bucket.on_time for bucket in found) == whole.on_time
    assert [bucket.at for bucket in found] == sorted(bucket.at for bucket in found)


def test_the_last_orders_are_the_newest_not_from_the_future(shop_db, orders):
    """Ten orders, newest first; a producer whose clock is ahead does not fill the list."""
    shop.store(shop_db, orders := orders[-200:], NOW)
    shop.store(shop_db, shop.orders_between(NOW + timedelta(hours=1), NOW + timedelta(hours=2), 20, seed=9), NOW)

    found = last_orders(shop_db, NOW)

    expected = sorted(orders, key=lambda order: order["order_time"], reverse=True)[:10]
    assert [(o.order_id, o.total_cents) for o in found] == [(o["_id"], o["total_cents"]) for o in expected]


def test_an_empty_shop_has_figures_too(shop_db):
    """Nothing sold is zero; averages, shares and changes of nothing are unknown."""
    found = tiles(shop_db, resolve(Preset.TODAY, NOW), ALL, NOW)

    assert (found.sales.orders, found.sales.revenue_cents, found.open.late) == (0, 0, 0)
    assert found.sales.average_order_value_cents is None
    assert found.promises.on_time_share is None
    assert found.booked_change is None
    assert data_start(shop_db) is None
    assert product_sales(shop_db, resolve(Preset.TODAY, NOW).products, ALL) == []


def test_no_query_scans_a_collection(filled, orders):
    """Every query of the page is answered from an index: the profiler sees no COLLSCAN and few documents."""
    with profiled(filled) as seen:
        for preset in Preset:
            span = resolve(preset, NOW)
            tiles(filled, span, ALL, NOW)
            revenue_line(filled, span, ALL, NOW)
            product_by_bucket(filled, span.products, Grain.DAY if span.grain is Grain.DAY else Grain.HOUR, ALL, 3)
            for filters in (ALL, Filters((1,), (2,), "Toys", ("Cash",))):
                sales_by_category(filled, span.window, span.grain, filters)
                sales_by_warehouse(filled, span.window, span.grain, filters)
                sales_by_city(filled, span.window, span.grain, filters)
                open_orders(filled, NOW, filters)
                courier_promises(filled, span.promises, filters)
                steps_by_bucket(filled, span.promises, Grain.HALF_HOUR, filters)
        late_orders(filled, NOW, Filters((1,), (2,), None, ("Cash",)), 20)
        last_orders(filled, NOW)

    assert len(seen) > 40
    assert [(row["ns"], row["planSummary"]) for row in seen if "COLLSCAN" in row["planSummary"]] == []
    counted = [row for row in seen if row["ns"].endswith(f".{collections.ORDERS}") and "'risk'" in str(row["command"])]
    assert counted
    assert all(row["docsExamined"] == 0 for row in counted)
