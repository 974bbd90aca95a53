"""Money is integer cents; the one rule that needs care is how a discount falls on the lines of an order."""

from __future__ import annotations

from collections.abc import Sequence


def allocate_discount(gross_cents: Sequence[int], discount_cents: int) -> list[int]:
    """Split a discount over the lines of an order by largest remainder.

    Each line gets floor(discount × gross ÷ subtotal); the cents left over go to the largest remainders, ties to the
    earlier line. The parts add up to `discount_cents` exactly; a subtotal of 0 leaves every part at 0.

    Args:
        gross_cents: quantity × price of each line, in the order of the lines.
        discount_cents: the discount of the whole order, 0 ≤ discount ≤ Σ gross.
    """
    if not discount_cents:
        return [0] * len(gross_cents)
    subtotal = sum(gross_cents)
    parts = [discount_cents * gross // subtotal for gross in gross_cents]
    left = discount_cents - sum(parts)
    if left:
        # sorted() is stable, so of equal remainders the earlier line comes first.
        by_remainder = sorted(range(len(parts)), key=lambda i: -(discount_cents * gross_cents[i] % subtotal))
        for line in by_remainder[:left]:
            parts[line] += 1
    return parts
