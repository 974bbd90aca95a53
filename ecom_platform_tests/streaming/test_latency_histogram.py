"""How long events wait, in bins."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from ecom_platform.streaming.latency_histogram import LONGEST_SECONDS, wait_bins, wait_percentile_seconds

NOW = datetime(2026, 11, 23, 14, 47, 12, 345_000, tzinfo=UTC)
NOW_MILLISECONDS = round(NOW.timestamp() * 1000)


@pytest.mark.parametrize("percent", [50, 95, 100])
def test_percentiles_of_bins_are_those_of_the_waits_to_50_milliseconds(percent: int) -> None:
    """Never below the true one, and less than a bin above it; minutes add up."""
    draw = random.Random(4)
    waits = [int(draw.lognormvariate(6.5, 0.6)) for _ in range(999)]
    by_minute = wait_bins([NOW_MILLISECONDS - wait for wait in waits], NOW)

    true = sorted(waits)[-(-percent * len(waits) // 100) - 1] / 1000
    found = wait_percentile_seconds(sum(by_minute.values(), Counter()), percent)

    assert found is not None
    assert true < found <= true + 0.05
    assert sum(by_minute[NOW_MILLISECONDS // 60_000].values()) == sum(wait <= 12_345 for wait in waits)


def test_what_waited_for_hours_and_what_comes_from_the_future_have_bins_too() -> None:
    """A backlog is as long as it gets; a clock that is ahead is no wait."""
    (hours,) = wait_bins([NOW_MILLISECONDS - 7_200_000], NOW).values()
    (ahead,) = wait_bins([NOW_MILLISECONDS + 500], NOW).values()

    assert wait_percentile_seconds(hours, 50) == LONGEST_SECONDS
    assert ahead == {0: 1}
    assert wait_percentile_seconds({}, 50) is None
