"""The definitions of the figures as SQL that Spark and DuckDB both read; integers are exact, times are microseconds."""

from __future__ import annotations

from typing import Final

from ecom_platform.contract import Status
from ecom_platform.kpi.buckets import BIN_SECONDS, BINS, FIRST_BIN_SECONDS

VALID: Final = f"status <> '{Status.CANCELLED.value}'"
"""Counts in money and units; a returned order does."""

RETURNED: Final = f"status = '{Status.RETURNED.value}'"

_MICROSECONDS: Final = 1_000_000


def on_time(delay_us: str) -> str:
    """Whether a promise was kept, from a delay that is null until the delivery: never null itself."""
    return f"COALESCE({delay_us} <= 0, FALSE)"


def delay_bin(delay_us: str) -> str:
    """The number of the delay's bin, as `kpi.delay_bin`."""
    # Neither engine has the other's integer division; a double holds every delay of a century exactly.
    place = f"FLOOR(({delay_us} - ({FIRST_BIN_SECONDS * _MICROSECONDS})) / {BIN_SECONDS * _MICROSECONDS})"
    return f"CAST(LEAST(GREATEST({place}, 0), {BINS - 1}) AS BIGINT)"
