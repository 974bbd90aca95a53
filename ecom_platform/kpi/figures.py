"""From summed rollup amounts to the figures people read. Pure arithmetic; money is integer cents throughout.

A zero denominator gives None: nothing is known, which is not the same as zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ecom_platform.kpi.buckets import bin_edge_seconds

SMALLEST_SAMPLE = 30
"""Below so many orders due, a share is shown in grey."""


def average_order_value_cents(revenue_cents: int, valid_orders: int) -> int | None:
    """Revenue per valid order in cents, half a cent rounded up; None without orders."""
    if valid_orders == 0:
        return None
    return (2 * revenue_cents + valid_orders) // (2 * valid_orders)


def share(part: int, whole: int) -> float | None:
    """`part` ÷ `whole`, 0 to 1; None when there is no whole."""
    return part / whole if whole else None


def change(current: float, baseline: float) -> float | None:
    """Relative change against the baseline (0.042 = 4.2 % more); None without a baseline."""
    return (current - baseline) / baseline if baseline else None


def difference(current: float | None, baseline: float | None) -> float | None:
    """Of two shares, 0.01 = one percentage point; None where one of them is not known."""
    return None if current is None or baseline is None else current - baseline


def half_hour(instant: datetime) -> datetime:
    """The start of the half hour `instant` lies in: the as-of of everything that waits for closed half hours."""
    return instant - timedelta(minutes=instant.minute % 30, seconds=instant.second, microseconds=instant.microsecond)


def delay_percentile_seconds(bins: Mapping[int, int], percent: int) -> int | None:
    """Nearest rank over the 5-minute bins of a delay: the lower edge of the bin it falls into; None without orders."""
    number = nearest_rank(bins, percent)
    return None if number is None else bin_edge_seconds(number)


def nearest_rank(bins: Mapping[int, int], percent: int) -> int | None:
    """The number of the bin that a percentile falls into; None when nothing was counted."""
    count = sum(bins.values())
    rank = -(-percent * count // 100)
    for number in sorted(bins):
        rank -= bins[number]
        if count and rank <= 0:
            return number
    return None
