"""Requests that are repeated patiently and never under an old key."""

from __future__ import annotations

import pytest

from ecom_platform.orchestration.sensing.run_requests import Asking, Outcome


def test_the_pauses_after_failures_double_up_to_an_hour() -> None:
    """And a success forgets them."""
    asking, now, pauses = Asking(), 1000.0, []
    for _ in range(9):
        asking = asking.ask(now).after(Outcome.FAILED, now)
        pauses.append(asking.not_before - now)
        now = asking.not_before

    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert asking.alarming
    assert asking.ask(now).after(Outcome.SUCCEEDED, now).waiting(now) is None


def test_an_open_request_blocks_the_next_until_its_outcome_is_known() -> None:
    """A run that is not there yet is given three minutes, then the request counts as lost."""
    asking = Asking().ask(1000.0)

    assert asking.after(Outcome.ACTIVE, 9000.0).waiting(9000.0)
    assert asking.after(Outcome.NONE, 1100.0).waiting(1100.0)
    assert asking.after(Outcome.NONE, 1180.0).waiting(1180.0) is None


@pytest.mark.parametrize(("outcome", "seconds"), [(Outcome.CANCELLED, 3600), (Outcome.STOPPED, 0)])
def test_a_persons_cancel_is_respected_for_an_hour(outcome: Outcome, seconds: int) -> None:
    """What `ecom down` ended goes on at once after the next start."""
    asking = Asking().ask(1000.0).after(outcome, 1000.0)

    assert max(asking.not_before - 1000.0, 0) == seconds
    assert asking.failures == 0


def test_no_key_comes_twice_even_after_the_cursor_was_cleared() -> None:
    """Dagster would silently not run it."""
    keys = [Asking().ask(1000.0).key, Asking().ask(1000.0).ask(1001.0).key, Asking().ask(2000.0).key]

    assert len(set(keys)) == len(keys)
