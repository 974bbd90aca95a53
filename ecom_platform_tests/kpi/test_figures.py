"""From sums to the figures people read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.kpi.figures import average_order_value_cents, change, half_hour, share


@pytest.mark.parametrize(
    ("revenue_cents", "orders", "average"), [(100, 3, 33), (101, 2, 51), (99, 2, 50), (0, 5, 0), (200, 3, 67)]
)
def test_half_a_cent_is_rounded_up(revenue_cents: int, orders: int, average: int) -> None:
    """33.3 is 33, 50.5 is 51, 49.5 is 50."""
    assert average_order_value_cents(revenue_cents, orders) == average


def test_nothing_to_divide_by_gives_no_figure() -> None:
    """Unknown is not zero."""
    assert average_order_value_cents(0, 0) is None
    assert share(0, 0) is None
    assert change(5, 0) is None


def test_shares_and_changes_are_plain_fractions() -> None:
    """One is the whole; a change is relative to what was before."""
    assert share(3, 4) == 0.75
    assert change(150, 100) == 0.5
    assert change(50, 100) == -0.5


@pytest.mark.parametrize(("minute", "closed"), [(0, 0), (29, 0), (30, 30), (59, 30)])
def test_a_half_hour_begins_at_0_and_30(minute: int, closed: int) -> None:
    """Its own first instant belongs to it."""
    assert half_hour(datetime(2026, 11, 23, 7, minute, 59, 999_999, UTC)) == datetime(
        2026, 11, 23, 7, closed, tzinfo=UTC
    )
    assert half_hour(datetime(2026, 11, 23, 7, closed, tzinfo=UTC)) == datetime(2026, 11, 23, 7, closed, tzinfo=UTC)


@pytest.mark.parametrize("key", DEFINITIONS)
def test_every_figure_explains_itself(key: str) -> None:
    """The help on screen is a sentence with the basis of time in it."""
    definition = DEFINITIONS[key]

    assert definition.label
    assert definition.help.endswith(", in UTC.")
