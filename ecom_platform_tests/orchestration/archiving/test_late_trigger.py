"""When archived orders are brought back."""

from __future__ import annotations

from ecom_platform.orchestration.archiving.late_trigger import LateMemory, decide
from ecom_platform.orchestration.sensing.asking import Outcome


def test_nothing_is_asked_for_while_no_event_waits() -> None:
    """However often it looks."""
    memory = LateMemory()
    for tick in range(1000):
        decision = decide(memory, 0, None, Outcome.NONE, 1000.0 + 15 * tick)
        memory = decision.memory
        assert not decision.ask


def test_a_waiting_event_is_one_request_until_it_is_answered() -> None:
    """And the next event another one."""
    first = decide(LateMemory(), 1, None, Outcome.NONE, 1000.0)
    again = decide(first.memory, 2, None, Outcome.ACTIVE, 1015.0)
    done = decide(again.memory, 0, None, Outcome.SUCCEEDED, 1030.0)
    second = decide(done.memory, 1, None, Outcome.SUCCEEDED, 1045.0)

    assert [step.ask for step in (first, again, done, second)] == [True, False, False, True]
    assert first.memory.key != second.memory.key


def test_a_running_archiver_brings_them_back_itself() -> None:
    """A second process would only be refused its lease."""
    decision = decide(LateMemory(), 1, "Dagster run 1234", Outcome.NONE, 1000.0)

    assert not decision.ask
    assert "Dagster run 1234" in decision.reason


def test_failed_runs_are_not_repeated_at_every_tick() -> None:
    """An hour of failures at a tick of 15 s."""
    memory, asked = LateMemory(), 0
    for tick in range(240):
        decision = decide(memory, 3, None, Outcome.FAILED, 1000.0 + 15 * tick)
        memory, asked = decision.memory, asked + decision.ask

    assert asked == 6
    assert LateMemory.parse(memory.dump()) == memory
