"""How long to wait before the next try."""

from __future__ import annotations

import pytest

from ecom_platform.orchestration.sensing.backoff import Backoff, delay_seconds


@pytest.mark.parametrize(
    ("failures", "seconds"), [(-1, 0), (0, 0), (1, 2), (2, 4), (3, 8), (4, 16), (5, 20), (6, 20), (5000, 20)]
)
def test_the_delay_doubles_up_to_the_ceiling(failures: int, seconds: float) -> None:
    """No failure waits for nothing; no number of them overflows."""
    assert delay_seconds(failures, first_seconds=2, ceiling_seconds=20) == seconds


def test_a_healthy_life_makes_the_next_failure_the_first_again() -> None:
    """Crashes that are days apart do not add up."""
    backoff = Backoff(first_seconds=1, ceiling_seconds=60, healthy_seconds=300)
    for _ in range(5):
        backoff = backoff.failed(lived_seconds=3)

    assert backoff.seconds == 16
    assert backoff.failed(lived_seconds=300).seconds == 1
