"""When committed archive runs are purged."""

from __future__ import annotations

from ecom_platform.orchestration.archiving.purge import decide, request_key
from ecom_platform.orchestration.runs.requests import Asking, Outcome


def test_nothing_is_asked_for_while_every_run_is_finished() -> None:
    """However often it looks."""
    asking = Asking()
    for tick in range(1000):
        decision = decide(asking, 0, None, Outcome.NONE, 1000.0 + 10 * tick)
        asking = decision.asking
        assert not decision.ask


def test_each_request_has_a_key_of_its_own() -> None:
    """The next one is made only when the one before has ended."""
    first = decide(Asking(), 1, None, Outcome.NONE, 1000.0)
    waiting = decide(first.asking, 1, None, Outcome.ACTIVE, 1010.0)
    second = decide(waiting.asking, 1, None, Outcome.SUCCEEDED, 1020.0)

    assert [first.ask, waiting.ask, second.ask] == [True, False, True]
    assert request_key(first.asking) != request_key(second.asking)


def test_an_archiver_at_work_is_left_alone() -> None:
    """`ecom archive` purges what it has committed by itself."""
    decision = decide(Asking(), 1, "ecom archive on here", Outcome.NONE, 1000.0)

    assert not decision.ask
    assert "ecom archive on here" in decision.reason


def test_a_purge_that_fails_is_repeated_with_growing_pauses() -> None:
    """A day of failures at a tick of 10 s."""
    asking, asked = Asking(), 0
    for tick in range(8640):
        decision = decide(Asking.parse(asking.dump()), 1, None, Outcome.FAILED, 1000.0 + 10 * tick)
        asking, asked = decision.asking, asked + decision.ask

    assert 24 < asked < 32
