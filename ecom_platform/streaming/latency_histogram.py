"""How long events waited, from Kafka's time to the transaction that applies them: bins that add up. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from ecom_platform.contract.times import to_milliseconds
from ecom_platform.kpi.figures import nearest_rank

_BIN_MILLISECONDS: Final = 50
_LAST_BIN: Final = 200
LONGEST_SECONDS: Final = _LAST_BIN * _BIN_MILLISECONDS / 1000
"""From here on waits share one bin: a stream that catches up says so by its lag."""


def wait_bins(times_milliseconds: Iterable[int], now: datetime) -> dict[int, Counter[int]]:
    """Minute of Kafka's clock → bin → events; one from the future did not wait."""
    now_milliseconds = to_milliseconds(now)
    found: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for time in times_milliseconds:
        found[time // 60_000][min(max(now_milliseconds - time, 0) // _BIN_MILLISECONDS, _LAST_BIN)] += 1
    return dict(found)


def wait_percentile_seconds(bins: Mapping[int, int], percent: int) -> float | None:
    """Nearest rank, the upper edge of its bin; LONGEST_SECONDS: that or longer; None without events."""
    number = nearest_rank(bins, percent)
    return None if number is None else min(number + 1, _LAST_BIN) * _BIN_MILLISECONDS / 1000
