"""How numbers are written."""

from __future__ import annotations

import pytest

from dashboard import formats


@pytest.mark.parametrize(
    ("cents", "expected"),
    [
        (None, "—"),
        (0, "$0.00"),
        (5, "$0.05"),
        (999_999, "$9,999.99"),
        (1_000_000, "$10,000"),
        (754_393_049, "$7,543,930"),
        (754_393_050, "$7,543,931"),
        (-12_345, "-$123.45"),
    ],
)
def test_money_shows_cents_below_ten_thousand(cents, expected):
    """Cents matter in small sums and distract in large ones; the unknown is a dash."""
    assert formats.money(cents, "USD") == expected


@pytest.mark.parametrize(("number", "expected"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1_200, "1,200 runs")])
def test_one_is_not_many(number, expected):
    """A count and its noun agree; a plural that is no added s is given."""
    assert formats.counted(number, "run") == expected
    assert formats.counted(number, "shelf", "shelves").endswith("shelf" if number == 1 else "shelves")


def test_other_currencies_carry_their_sign_or_code():
    """A currency without a common sign is named."""
    assert formats.exact_money(123_456, "EUR") == "€1,234.56"
    assert formats.exact_money(123_456, "CHF") == "CHF 1,234.56"


@pytest.mark.parametrize(
    ("relative", "expected"), [(0.0421, "+4.2 %"), (-0.018, "-1.8 %"), (0.0, "0.0 %"), (-0.0004, "0.0 %"), (None, None)]
)
def test_a_change_has_an_ascii_sign_and_zero_has_none(relative, expected):
    """Streamlit points the arrow by an ASCII minus; a change that rounds to nothing has no direction."""
    assert formats.change(relative) == expected


def test_shares_points_and_counts():
    """One decimal for shares, a signed difference in points, thousands apart."""
    assert formats.share(0.9342) == "93.4 %"
    assert formats.share(None) == "—"
    assert formats.points(-0.012) == "-1.2 pp"
    assert formats.count(84_211) == "84,211"
