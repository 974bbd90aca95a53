"""When a run is asked for because something waits for an archiver: late events, or committed runs."""

from __future__ import annotations

import pytest

from ecom_platform.orchestration.archiving.waiting import COMMITTED_RUNS, LATE_EVENTS, WaitingWork
from ecom_platform.orchestration.runs.requests import Asking, Outcome

pytestmark = pytest.mark.parametrize("work", [LATE_EVENTS, COMMITTED_RUNS], ids=["late events", "committed runs"])


def test_nothing_is_asked_for_while_nothing_waits(work: WaitingWork) -> None:
    """However often it looks."""
    asking = Asking()
    for tick in range(1000):
        decision = work.decide(asking, 0, None, Outcome.NONE, 1000.0 + 15 * tick)
        asking = decision.asking
        assert not decision.ask


def test_what_waits_is_one_request_until_it_is_answered(work: WaitingWork) -> None:
    """And what waits next is another one, with a key of its own."""
    first = work.decide(Asking(), 1, None, Outcome.NONE, 1000.0)
    again = work.decide(first.asking, 2, None, Outcome.ACTIVE, 1015.0)
    done = work.decide(again.asking, 0, None, Outcome.SUCCEEDED, 1030.0)
    second = work.decide(done.asking, 1, None, Outcome.SUCCEEDED, 1045.0)

    assert [step.ask for step in (first, again, done, second)] == [True, False, False, True]
    assert work.request_key(first.asking) != work.request_key(second.asking)


def test_an_archiver_at_work_is_left_alone(work: WaitingWork) -> None:
    """It does this work itself; a second process would only be refused its lease."""
    decision = work.decide(Asking(), 1, "ecom archive on here", Outcome.NONE, 1000.0)

    assert not decision.ask
    assert "ecom archive on here" in decision.reason


@pytest.mark.parametrize(("hours", "fewest", "most"), [(1, 6, 6), (24, 25, 31)])
def test_failed_runs_are_repeated_with_growing_pauses(work: WaitingWork, hours: int, fewest: int, most: int) -> None:
    """Not at every tick, and for as long as they fail; the cursor between two ticks is text."""
    asking, asked = Asking(), 0
    for tick in range(hours * 240):
        decision = work.decide(Asking.parse(asking.dump()), 3, None, Outcome.FAILED, 1000.0 + 15 * tick)
        asking, asked = decision.asking, asked + decision.ask

    assert fewest <= asked <= most


def test_the_two_kinds_of_work_have_runs_of_their_own(work: WaitingWork) -> None:
    """A key that both used would be run for one of them only."""
    other = COMMITTED_RUNS if work is LATE_EVENTS else LATE_EVENTS

    assert work.request_key(Asking()) != other.request_key(Asking())
