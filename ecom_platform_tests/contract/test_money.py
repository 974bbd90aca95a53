"""How a discount falls on the lines of an order."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from ecom_platform.contract import allocate_discount


def by_fractions(gross_cents: list[int], discount_cents: int) -> list[int]:
    """Largest remainder with exact fractions: hand out the cents left over one at a time."""
    subtotal = sum(gross_cents)
    if subtotal == 0:
        return [0] * len(gross_cents)
    exact = [Fraction(discount_cents) * gross / subtotal for gross in gross_cents]
    parts = [int(share) for share in exact]
    remainders = [share - part for share, part in zip(exact, parts, strict=True)]
    while sum(parts) < discount_cents:
        line = max(range(len(parts)), key=lambda i: (remainders[i], -i))
        parts[line] += 1
        remainders[line] = Fraction(-1)
    return parts


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_an_independent_implementation(seed: int) -> None:
    """Small amounts make many ties, large ones leave the range of doubles."""
    chance = random.Random(seed)
    for _ in range(1_000):
        largest = chance.choice((1, 3, 100, 99_999, 10**12))
        gross = [chance.randint(0, largest) for _ in range(chance.randint(1, 8))]
        discount = chance.randint(0, sum(gross))
        assert allocate_discount(gross, discount) == by_fractions(gross, discount)


@pytest.mark.parametrize("seed", range(3))
def test_the_parts_add_up_and_no_line_gets_more_than_it_costs(seed: int) -> None:
    """So net sales of lines are never negative and sum to the total."""
    chance = random.Random(seed)
    for _ in range(1_000):
        gross = [chance.randint(0, 50) for _ in range(chance.randint(1, 8))]
        discount = chance.choice((sum(gross), chance.randint(0, sum(gross))))
        parts = allocate_discount(gross, discount)
        assert sum(parts) == discount
        assert all(0 <= part <= cost for part, cost in zip(parts, gross, strict=True))


def test_equal_remainders_favour_the_earlier_line() -> None:
    """A cent that three equal lines could claim goes to the first."""
    assert allocate_discount([100, 100, 100], 100) == [34, 33, 33]
    assert allocate_discount([100, 100, 100], 101) == [34, 34, 33]


def test_free_orders_share_nothing() -> None:
    """A subtotal of 0 divides nothing."""
    assert allocate_discount([0, 0], 0) == [0, 0]
