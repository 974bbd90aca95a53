"""With any filters, every figure equals what `ecom kpi` answers from the orders for the same range."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cache

import pytest

from dashboard.queries.delivery import (
    courier_promises,
    late_orders,
    open_orders,
    promises,
    states,
    states_by_bucket,
    steps_by_bucket,
    together,
)
from dashboard.queries.products import product_sales
from dashboard.queries.sales import (
    returned_cents,
    sales,
    sales_by_bucket,
    sales_by_category,
    sales_by_city,
    sales_by_courier,
    sales_by_payment,
    sales_by_warehouse,
)
from dashboard.ranges import Preset
from dashboard.selection import LOCATED, PROMISED, STOCKED, Choice, honoured
from ecom_platform.contract import Status
from ecom_platform.history.kpi import answer_kpis
from ecom_platform.history.question import Filters, KpiQuestion
from ecom_platform.kpi import Grain
from ecom_platform.settings import Settings
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.conftest import profiled
from ecom_platform_tests.dashboard.shop import NOW

FILTERS = {
    "none": Filters(),
    "warehouse": Filters(warehouses=(2,)),
    "two warehouses": Filters(warehouses=(1, 3)),
    "courier": Filters(couriers=(4,)),
    "category": Filters(category="Toys"),
    "unknown category": Filters(category="unknown"),
    "payment": Filters(payments=("Cash",)),
    "two payments": Filters(payments=("Wallet", "Credit Card")),
    "all": Filters((1, 2), (1, 2, 3), "Books", ("Cash", "Credit Card")),
    "no such combination": Filters(warehouses=(1,), couriers=(6,)),
}
CHOICES = {
    "hour": (Preset.HOUR, None),
    "today": (Preset.TODAY, None),
    "yesterday": (Preset.YESTERDAY, None),
    "week": (Preset.WEEK, None),
    "month": (Preset.MONTH, None),
    "days": (Preset.DAYS, (date(2026, 11, 21), date(2026, 11, 22))),
    "empty days": (Preset.DAYS, (date(2026, 11, 1), date(2026, 11, 2))),
}


# Every filter with the ranges of each source (orders, half hours, days), every range without and with all filters.
CASES = [
    pytest.param(Choice(*CHOICES[choice], FILTERS[filters]), id=f"{choice}, {filters}")
    for choice in CHOICES
    for filters in FILTERS
    if choice in ("hour", "today") or filters in ("none", "all")
]


@cache
def kpis(db, window, filters):
    """What the command line answers, from the orders."""
    question = KpiQuestion.ask(window.start, window.end, NOW, filters)
    return answer_kpis(Settings(_env_file=None), db, question)


@pytest.mark.parametrize("choice", CASES)
def test_every_figure_by_order_time_equals_the_command_line_to_the_cent(choice, filled):
    """Totals, payment types, warehouses, categories, cities and states: the same from rollups and from facts."""
    span, filters = choice.span(NOW), choice.filters
    window, grain = span.window, span.grain
    expected = kpis(filled, window, filters)

    found = sales(filled, window, grain, filters)
    by_bucket = sales_by_bucket(filled, window, grain, filters)
    by_payment = sales_by_payment(filled, window, grain, filters)
    by_warehouse = sales_by_warehouse(filled, window, grain, filters)
    by_category = sales_by_category(filled, window, grain, filters)
    by_city = sales_by_city(filled, window, grain, honoured(filters, LOCATED))
    status = states(filled, window, grain, honoured(filters, PROMISED))

    names = ("orders", "valid_orders", "booked_cents", "revenue_cents", "discount_cents", "units")
    assert {name: getattr(found, name) for name in names} == {name: expected[name] for name in names}
    assert found.average_order_value_cents == expected["aov_cents"]
    assert sum((bucket.total.revenue_cents for bucket in by_bucket), 0) == expected["revenue_cents"]
    assert sum((bucket.total.orders for bucket in by_bucket), 0) == expected["orders"]
    assert {
        payment.value: {"orders": sold.valid_orders, "revenue_cents": sold.revenue_cents, "placed": sold.orders}
        for payment, sold in by_payment.items()
        if sold.orders
    } == expected["by_payment_type"]
    assert {
        str(warehouse): {"orders": sold.valid_orders, "revenue_cents": sold.revenue_cents, "placed": sold.orders}
        for warehouse, sold in by_warehouse.items()
    } == expected["by_warehouse"]
    assert {group.name: (group.revenue_cents, group.units, group.orders) for group in by_category} == {
        name: (row["net_cents"], row["units"], row["orders"]) for name, row in expected["by_category"].items()
    }
    assert {group.name: (group.revenue_cents, group.orders) for group in by_city} == {
        name: (row["revenue_cents"], row["placed"]) for name, row in expected["by_location"].items()
    }
    assert {state.value: number for state, number in status.items()} == expected["by_status"]


@pytest.mark.parametrize("choice", CASES)
def test_orders_per_courier_and_states_over_time_equal_the_command_line(choice, filled):
    """Each courier's orders, and the states of every bucket summed over the range."""
    span, filters = choice.span(NOW), honoured(choice.filters, PROMISED)
    expected = kpis(filled, span.window, filters)

    by_courier = sales_by_courier(filled, span.window, span.grain, filters)
    buckets = states_by_bucket(filled, span.window, span.grain, filters)

    assert {str(courier): sold.valid_orders for courier, sold in by_courier.items() if sold.valid_orders} == {
        courier: row["orders"] for courier, row in expected["by_courier"].items() if row["orders"]
    }
    assert {state.value: sum(bucket.states[state] for bucket in buckets) for state in Status} == expected["by_status"]


@pytest.mark.parametrize("filters", FILTERS.values(), ids=list(FILTERS))
def test_steps_are_counted_in_the_half_hour_they_were_taken_in(filters, filled, orders):
    """Every step of every order, by its own time and not by that of the order."""
    kept = honoured(filters, PROMISED)
    window = Choice(Preset.YESTERDAY).span(NOW).window
    expected = Counter(
        (step["at"].replace(minute=step["at"].minute // 30 * 30, second=0, microsecond=0), step["status"])
        for order in shop.chosen(orders, kept)
        for step in order["delivery"]["history"]
        if window.start <= step["at"] < window.end
    )

    found = steps_by_bucket(filled, window, Grain.HALF_HOUR, kept)

    assert len(found) == 48
    assert {
        (bucket.at, state.value): number for bucket in found for state, number in bucket.states.items() if number
    } == expected


@pytest.mark.parametrize("choice", CASES)
def test_every_figure_by_promise_equals_the_command_line(choice, filled):
    """Due, on time, late and percentiles of the delay, in total and per courier."""
    window, filters = choice.span(NOW).promises, choice.filters
    expected = kpis(filled, window, filters)
    kept = honoured(filters, PROMISED)

    found = promises(filled, window, kept)
    by_courier = courier_promises(filled, window, kept)
    whole = together(by_courier.values())

    assert {"due": found.due, "on_time": found.on_time, "late": found.late} == expected["promise"]
    assert (whole.due, whole.on_time, whole.late) == (found.due, found.on_time, found.late)
    assert sum(whole.bins.values()) == expected["delivery_delay_seconds"]["count"]
    assert [whole.delay_seconds(percent) for percent in (50, 90)] == [
        expected["delivery_delay_seconds"][name] for name in ("p50", "p90")
    ]
    assert {str(courier): (row.due, row.on_time) for courier, row in by_courier.items() if row.due} == {
        courier: (row["due"], row["on_time"]) for courier, row in expected["by_courier"].items() if row["due"]
    }


@pytest.mark.parametrize("choice", CASES)
def test_products_equal_the_command_line(choice, filled):
    """The ten best by net sales, in the same order, with the same units."""
    window, filters = choice.span(NOW).products, choice.filters
    expected = kpis(filled, window, filters)["top_products"]

    found = product_sales(filled, window, honoured(filters, STOCKED), limit=10)

    names = ("product_id", "name", "net_cents", "gross_cents", "units")
    assert [{name: getattr(product, name) for name in names} for product in found] == expected


@pytest.mark.parametrize("filters", FILTERS.values(), ids=list(FILTERS))
def test_what_is_open_now_equals_a_count_of_the_orders(filters, filled, orders):
    """Open, late, at risk, by courier and by age, each once; delivered late or due this very instant is not late."""
    kept = honoured(filters, PROMISED)
    opened = [o for o in shop.chosen(orders, kept) if o["delivery"]["status"] in ("Pending", "Shipped")]
    late = [order for order in opened if order["delivery"]["expected_time"] < NOW]
    at_risk = [
        order
        for order in opened
        if order["delivery"]["status"] == "Pending"
        and NOW <= order["delivery"]["expected_time"] < NOW + timedelta(hours=2)
    ]
    by_courier = {}
    for order in late:
        courier = order["delivery"]["courier_id"]
        by_courier[courier] = by_courier.get(courier, 0) + 1

    found = open_orders(filled, NOW, kept)
    listed = late_orders(filled, NOW, kept, 500)

    assert (found.open, found.late, found.at_risk) == (len(opened), len(late), len(at_risk))
    assert found.late_by_courier == by_courier
    assert sum(found.by_age) == len(opened)
    assert found.by_age[0] == sum(NOW - order["order_time"] < timedelta(hours=2) for order in opened)
    assert [row.order_id for row in listed] == [
        order["_id"] for order in sorted(late, key=lambda o: (o["delivery"]["expected_time"], o["_id"]))
    ]


def test_returned_value_is_part_of_the_revenue(filled, orders):
    """What came back is summed over every payment type, and over one."""
    span = Choice(Preset.WEEK).span(NOW)
    back = [order for order in orders if order["delivery"]["status"] == "Returned"]

    assert returned_cents(filled, span.window, span.grain, Filters()) == sum(o["total_cents"] for o in back) > 0
    assert returned_cents(filled, span.window, span.grain, Filters(payments=("Cash",))) == sum(
        order["total_cents"] for order in back if order["payment_type"] == "Cash"
    )


def test_an_hour_reads_orders_only_where_minutes_do_not_know(filled):
    """A courier or a category is counted from the orders of the hour; a warehouse or a payment type is not."""
    window = Choice(Preset.HOUR).span(NOW).window
    with profiled(filled) as cheap:
        sales(filled, window, Grain.MINUTE, Filters(warehouses=(1,), payments=("Cash",)))
    with profiled(filled) as facts:
        sales(filled, window, Grain.MINUTE, Filters(couriers=(1,)))

    assert filled.orders.full_name not in {row["ns"] for row in cheap}
    assert ["IXSCAN" in row["planSummary"] for row in facts if row["ns"] == filled.orders.full_name] == [True]
