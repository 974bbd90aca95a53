"""When archived orders are brought back."""

from __future__ import annotations

from ecom_platform.orchestration.archiving.late_events import decide, request_key
from ecom_platform.orchestration.runs.requests import Asking, Outcome


def test_nothing_is_asked_for_while_no_event_waits() -> None:
    """However often it looks."""
    asking = Asking()
    for tick in range(1000):
        decision = decide(asking, 0, None, Outcome.NONE, 1000.0 + 15 * tick)
        asking = decision.asking
        assert not decision.ask


def test_a_waiting_event_is_one_request_until_it_is_answered() -> None:
    """And the next event another one."""
    first = decide(Asking(), 1, None, Outcome.NONE, 1000.0)
    again = decide(first.asking, 2, None, Outcome.ACTIVE, 1015.0)
    done = decide(again.asking, 0, None, Outcome.SUCCEEDED, 1030.0)
    second = decide(done.asking, 1, None, Outcome.SUCCEEDED, 1045.0)

    assert [step.ask for step in (first, again, done, second)] == [True, False, False, True]
    assert request_key(first.asking) != request_key(second.asking)


def test_a_running_archiver_brings_them_back_itself() -> None:
    """A second process would only be refused its lease."""
    decision = decide(Asking(), 1, "Dagster run 1234", Outcome.NONE, 1000.0)

    assert not decision.ask
    assert "Dagster run 1234" in decision.reason


def test_failed_runs_are_not_repeated_at_every_tick() -> None:
    """An hour of failures at a tick of 15 s."""
    asking, asked = Asking(), 0
    for tick in range(240):
        decision = decide(asking, 3, None, Outcome.FAILED, 1000.0 + 15 * tick)
        asking, asked = decision.asking, asked + decision.ask

    assert asked == 6
    assert Asking.parse(asking.dump()) == asking
