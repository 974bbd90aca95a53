"""What is usual: which days count, the lowest and highest of them, and what a chart and a tile make of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dashboard import charts, formats
from dashboard.palette import DARK, LIGHT
from dashboard.queries.overview import RevenueLine
from dashboard.queries.sales import Amounts, Bucket
from dashboard.queries.usual import Sold, UsualRange, read_usual, usual_by_bucket, usual_total
from dashboard.ranges import DAY, Preset, Window, resolve
from dashboard.usual import judge
from ecom_platform.contract import PaymentType
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain
from ecom_platform.store import collections
from ecom_platform_tests.dashboard.conftest import profiled
from ecom_platform_tests.dashboard.shop import MIDNIGHT, NOW, chosen

HALF_HOUR = timedelta(minutes=30)
TODAY = Window(MIDNIGHT, MIDNIGHT + DAY)


def before(days, half_hour=0):
    """The start of a half hour, so many days before today."""
    return MIDNIGHT - days * DAY + half_hour * HALF_HOUR


def sold(orders, cents=0):
    """A half hour; booked value is ten cents above revenue."""
    return Sold(orders, cents + 10, cents)


THREE_DAYS = {
    before(1, 0): sold(4, 400),
    before(2, 0): sold(9, 900),
    before(3, 0): sold(6, 100),
    before(1, 1): sold(1, 50),
    before(2, 1): sold(2, 70),
    before(3, 1): sold(0, 0),
    before(1, 2): sold(5, 500),
    before(2, 2): sold(5, 500),
}


@pytest.mark.parametrize(
    ("preset", "now", "days", "expected"),
    [
        (Preset.TODAY, NOW, None, (7, 0)),
        (Preset.TODAY, MIDNIGHT + timedelta(hours=22, minutes=59), None, (7, 0)),
        (Preset.TODAY, MIDNIGHT + timedelta(hours=23, minutes=1), None, (6, 0)),
        (Preset.YESTERDAY, NOW, None, (7, 1)),
        (Preset.DAYS, NOW, (date(2026, 11, 19), date(2026, 11, 19)), (7, 4)),
        (Preset.DAYS, NOW, (date(2026, 11, 18), date(2026, 11, 18)), None),
        (Preset.DAYS, NOW, (date(2026, 11, 21), date(2026, 11, 22)), None),
        (Preset.HOUR, NOW, None, None),
        (Preset.WEEK, NOW, None, None),
        (Preset.MONTH, NOW, None, None),
    ],
)
def test_usual_is_of_the_days_before_the_one_on_screen_as_long_as_their_half_hours_are_kept(
    preset, now, days, expected
):
    """Seven days at most, three at least, for one day by half hours; an hour before they expire they are not read."""
    window = None if expected is None else Window(before(expected[0]), before(expected[1]))

    assert resolve(preset, now, days).usual == window


def test_the_range_of_a_half_hour_is_the_lowest_and_the_highest_of_three_days():
    """Zero is a low like any other; a half hour that only two days know has no range."""
    assert usual_by_bucket(THREE_DAYS, TODAY, "revenue_cents") == {
        MIDNIGHT: UsualRange(100, 900, 3),
        MIDNIGHT + HALF_HOUR: UsualRange(0, 70, 3),
    }


def test_the_range_of_a_sum_is_over_whole_days_not_over_half_hours():
    """5, 11 and 6 orders in the first hour: 5 to 11, although the half hours alone would say 4 to 11."""
    hour = Window(MIDNIGHT, MIDNIGHT + 2 * HALF_HOUR)

    assert usual_total(THREE_DAYS, hour, "orders") == UsualRange(5, 11, 3)
    assert usual_total(THREE_DAYS, hour, "booked_cents") == UsualRange(120, 990, 3)


def test_a_day_that_does_not_know_a_half_hour_has_no_sum():
    """The third half hour is missing on one of three days: two are too few; of nothing elapsed nothing is known."""
    assert usual_total(THREE_DAYS, Window(MIDNIGHT, MIDNIGHT + 3 * HALF_HOUR), "orders") is None
    assert usual_total(THREE_DAYS, Window(MIDNIGHT, MIDNIGHT), "orders") is None
    assert usual_total({}, TODAY, "orders") is None


@pytest.mark.parametrize(("value", "side"), [(4, -1), (5, 0), (8, 0), (11, 0), (12, 1)])
def test_both_ends_of_the_range_are_usual(value, side):
    """A tile has a colour only beyond them, and says the range in its help."""
    verdict = judge(UsualRange(5, 11, 3), value, formats.count)

    assert verdict.side == side
    assert "3 complete days before: 5 to 11." in verdict.help


def test_without_a_range_there_is_no_verdict():
    """Too few days: grey, and no word about it."""
    assert (judge(None, 7, formats.count).side, judge(None, 7, formats.count).help) == (0, "")


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_band_lies_behind_the_lines_and_says_its_amounts(colours):
    """Its outline goes over the highs and back over the lows; where a half hour is unknown it is interrupted."""
    ats = [MIDNIGHT, MIDNIGHT + HALF_HOUR, MIDNIGHT + 4 * HALF_HOUR]
    usual = dict(zip(ats, (UsualRange(120_000, 190_000, 3), UsualRange(0, 100, 3), UsualRange(5, 7, 3)), strict=True))
    bucket = Bucket(MIDNIGHT, {PaymentType.CASH: Amounts(revenue_cents=200_000)})
    line = RevenueLine(Grain.HALF_HOUR, [bucket], None, [], MIDNIGHT - 9 * DAY)

    figure = charts.revenue(line, resolve(Preset.TODAY, NOW), usual, colours, "USD", 220)

    band = figure.data[0]
    assert (band.name, band.fill, band.fillcolor) == ("usual", "toself", colours.band)
    assert list(band.y) == [1900, 1, 0, 1200, None, 0.07, 0.05, None]
    assert band.hovertext[0] == "00:00 usual 1,200–1,900"
    assert figure.data[1].customdata[0] == "<br>usual 1,200–1,900"


def test_without_a_usual_range_there_is_no_band():
    """No trace, no name in the legend, nothing on hovering."""
    bucket = Bucket(MIDNIGHT, {PaymentType.CASH: Amounts(revenue_cents=200_000)})
    line = RevenueLine(Grain.HALF_HOUR, [bucket], None, [], MIDNIGHT - 9 * DAY)

    figure = charts.revenue(line, resolve(Preset.TODAY, NOW), {}, LIGHT, "USD", 220)

    assert "usual" not in [trace.name for trace in figure.data]
    assert list(figure.data[0].customdata) == [""]


def naively(orders, filters):
    """Orders, booked value and revenue of every half hour of the complete days in which anything was placed."""

    def of(order, name):
        lines = [line for line in order["order_items"] if filters.category in (None, line["category"])]
        value = sum(line["net_cents"] for line in lines) if filters.category else order["total_cents"]
        valid = order["delivery"]["status"] != "Cancelled"
        return {"orders": bool(lines), "booked_cents": value, "revenue_cents": value * valid}[name]

    expected = {}
    for number in range(4 * 48):
        start = before(4, number)
        inside = [order for order in orders if start <= order["order_time"] < start + HALF_HOUR]
        if inside:
            names = ("orders", "booked_cents", "revenue_cents")
            expected[start] = Sold(*(sum(of(order, name) for order in chosen(inside, filters)) for name in names))
    return expected


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(warehouses=(1, 3)),
        Filters(couriers=(4,)),
        Filters(category="Toys"),
        Filters(payments=("Cash",)),
        Filters((1, 2), (1, 2, 3), "Books", ("Cash", "Credit Card")),
    ],
    ids=["none", "warehouses", "courier", "category", "payment", "all"],
)
def test_what_is_usual_equals_a_count_of_the_orders(filters, filled, orders):
    """With any filters; the half day at the beginning and the two hours in which the shop was off do not count."""
    found = read_usual(filled, resolve(Preset.TODAY, NOW).usual, filters)

    assert found == naively(orders, filters)
    assert len(found) == 4 * 48 - 4


def test_nothing_is_usual_before_three_days_were_seen_whole_or_while_history_is_loading(filled):
    """Yesterday has three complete days before it, the day before that has two."""
    days = resolve(Preset.YESTERDAY, NOW).usual

    assert len(read_usual(filled, days, Filters())) == 3 * 48 - 4
    assert read_usual(filled, Window(days.start, days.end - DAY), Filters()) == {}
    assert read_usual(filled, days, Filters(), history_complete=False) == {}


def test_what_is_usual_is_read_by_index_and_only_from_the_cube(filled):
    """No collection is scanned, no order is read, and which half hours exist is answered without a document."""
    with profiled(filled) as seen:
        read_usual(filled, resolve(Preset.TODAY, NOW).usual, Filters((1,), (2,), "Toys", ("Cash",)))

    assert {row["ns"] for row in seen} == {f"{filled.name}.{collections.KPI_CUBE}"}
    assert [row["planSummary"] for row in seen if "IXSCAN" not in row["planSummary"]] == [
        "DISTINCT_SCAN { basis: 1, grain: 1, t: 1 }"
    ]
    assert [row["docsExamined"] for row in seen if "DISTINCT" in row["planSummary"]] == [0]
