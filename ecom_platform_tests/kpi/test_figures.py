"""The arithmetic of figures, against values worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.kpi.figures import average_order_value_cents, change, half_hour, share


@pytest.mark.parametrize(
    ("revenue", "orders", "expected"),
    [
        (1000, 4, 250),
        (1001, 2, 501),
        (1000, 3, 333),
        (2000, 3, 667),
        (0, 5, 0),
        (7, 0, None),
        (10**18 + 1, 2, 5 * 10**17 + 1),
    ],
)
def test_the_average_rounds_half_a_cent_up(revenue, orders, expected):
    """
    $10.01 over two orders is $5.01; no order has no average; large sums lose no cent to floats.
    """
    assert average_order_value_cents(revenue, orders) == expected


def test_nothing_divided_by_nothing_is_unknown():
    """
    A share of no orders and a change against no baseline are None, not zero.
    """
    assert share(0, 0) is None
    assert change(5, 0) is None
    assert share(1, 4) == 0.25
    assert change(90, 120) == -0.25


@pytest.mark.parametrize(("minute", "expected"), [(0, 0), (29, 0), (30, 30), (59, 30)])
def test_half_hours_begin_at_0_and_30(minute, expected):
    """
    An instant belongs to the half hour that started last, seconds and microseconds dropped.
    """
    instant = datetime(2026, 11, 23, 7, minute, 59, 999_999, tzinfo=UTC)

    assert half_hour(instant) == datetime(2026, 11, 23, 7, expected, tzinfo=UTC)


def test_every_definition_reads_as_a_sentence():
    """
    Keys are those of the table, and the help names the time a figure counts by.
    """
    for key, definition in DEFINITIONS.items():
        assert definition.key == key
        assert definition.help.endswith("in UTC.")
        assert definition.formula[0].isupper()
        assert not definition.formula.endswith(".")
