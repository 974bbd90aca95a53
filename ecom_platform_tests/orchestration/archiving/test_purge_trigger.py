"""What a committed archive run gets next."""

from __future__ import annotations

from datetime import UTC, datetime

from ecom_platform.orchestration.archiving.purge_trigger import decide, request_key
from ecom_platform.orchestration.sensing.run_requests import Asking, Outcome
from ecom_platform.store.manifests import Verdict

PASSED = Verdict(True, datetime(2026, 11, 23, tzinfo=UTC), "fine")


def test_nothing_is_asked_for_while_every_run_is_finished() -> None:
    """However often it looks."""
    asking = Asking()
    for tick in range(1000):
        decision = decide(asking, [], None, Outcome.NONE, 1000.0 + 10 * tick)
        asking = decision.asking
        assert decision.step is None


def test_a_run_is_checked_before_it_is_purged() -> None:
    """Each under a key of its own, the second only when the first has ended."""
    check = decide(Asking(), [None], None, Outcome.NONE, 1000.0)
    waiting = decide(check.asking, [None], None, Outcome.ACTIVE, 1010.0)
    purge = decide(waiting.asking, [PASSED], None, Outcome.SUCCEEDED, 1020.0)

    assert [check.step, waiting.step, purge.step] == ["check", None, "purge"]
    assert request_key(check.asking) != request_key(purge.asking)


def test_whoever_works_on_it_is_left_alone() -> None:
    """The archive run that has just committed it checks it itself."""
    decision = decide(Asking(), [None], "Dagster run 1234", Outcome.NONE, 1000.0)

    assert decision.step is None
    assert "Dagster run 1234" in decision.reason


def test_a_purge_that_fails_is_repeated_with_growing_pauses() -> None:
    """A day of failures at a tick of 10 s."""
    asking, asked = Asking(), 0
    for tick in range(8640):
        decision = decide(Asking.parse(asking.dump()), [PASSED], None, Outcome.FAILED, 1000.0 + 10 * tick)
        asking, asked = decision.asking, asked + (decision.step is not None)

    assert 24 < asked < 32
