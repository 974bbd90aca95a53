"""What a reader has chosen: a click adds it or takes it away, and an address keeps it."""

from __future__ import annotations

from datetime import date

import pytest

from dashboard.ranges import Preset
from dashboard.selection import Choice, toggled
from ecom_platform.history.question import Filters


@pytest.mark.parametrize(
    ("kind", "chosen", "expected"),
    [
        ("courier", [], ["4"]),
        ("courier", ["2"], ["2", "4"]),
        ("courier", ["2", "4"], ["2"]),
        ("warehouse", ["4"], []),
        ("category", [], ["4"]),
        ("category", ["Toys"], ["4"]),
        ("category", ["4"], []),
    ],
)
def test_a_click_adds_a_value_or_takes_it_away(kind, chosen, expected):
    """Several couriers can be chosen together, but only one category."""
    assert toggled(kind, chosen, "4") == expected


def test_the_address_of_a_courier_keeps_everything_else():
    """Range, days and the other filters stay; other couriers do not."""
    day = date(2026, 11, 21)
    choice = Choice(Preset.DAYS, (day, day), Filters((1,), (2, 3), "Home & Garden", ("Cash",)))

    assert choice.address("delivery", "courier", 5) == (
        "/delivery?range=Days&days=2026-11-21&days=2026-11-21&warehouse=1&category=Home+%26+Garden&payment=Cash&courier=5"
    )
