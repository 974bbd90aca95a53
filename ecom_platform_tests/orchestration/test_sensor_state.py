"""What a sensor remembers, when an amount is an alarm, how long to wait before the next try."""

from __future__ import annotations

import random

import pytest

from ecom_platform.orchestration.archiving.size import SizeMemory
from ecom_platform.orchestration.dirty_days import DirtyMemory
from ecom_platform.orchestration.runs.requests import Asking
from ecom_platform.orchestration.sensor_state import (
    Action,
    Backoff,
    Remembered,
    State,
    Watermarks,
    decide,
    delay_seconds,
)
from ecom_platform.orchestration.supervision.reconciler import Memory
from ecom_platform.orchestration.topic import LagMemory

WRITTEN = [
    Memory({"a run": 12.5}, "another"),
    Asking(number=3, open=True, asked_at=1000.5),
    DirtyMemory(Asking(failures=2), {"2026-11-22": 5.0}),
    SizeMemory(firing=True, episode=2, asking=Asking(number=1)),
    LagMemory(State(firing=True, since=1000.0), failures=1),
]
kinds = pytest.mark.parametrize("memory", WRITTEN, ids=lambda memory: type(memory).__name__)


@kinds
def test_what_was_written_is_read_back(memory: Remembered) -> None:
    """With every kind of value in it."""
    assert type(memory).parse(memory.dump()) == memory


@kinds
@pytest.mark.parametrize("cursor", [None, "", "{", "[]", '{"v": 0}', '{"v": 2}'])
def test_an_unreadable_cursor_is_forgotten(memory: Remembered, cursor: str | None) -> None:
    """A sensor that fails at its cursor would fail for ever."""
    assert type(memory).parse(cursor) == type(memory)()
    assert Memory.parse('{"v": 1, "suspects": [1]}') == Memory()


MARKS = Watermarks(high=100, low=10, samples=3)


def feed(samples: list[int], marks: Watermarks = MARKS) -> list[Action]:
    """The actions of a row of samples, one a second."""
    state, actions = State(), []
    for now, sample in enumerate(samples):
        state, action = decide(state, sample, float(now), marks)
        actions.append(action)
    return actions


@pytest.mark.parametrize(
    ("samples", "marks", "changes"),
    [
        ([100, 500, 99, 100, 500, 0], MARKS, {}),
        ([100, 100, 100, 100], MARKS, {2: Action.RAISED}),
        ([100, 100, 100, 50, 10, 9, 100, 100, 100], MARKS, {2: Action.RAISED, 5: Action.CLEARED, 8: Action.RAISED}),
        ([5, 0], Watermarks(high=5, low=0, samples=1), {0: Action.RAISED, 1: Action.CLEARED}),
    ],
    ids=["a short peak", "the third sample at the mark", "between the marks nothing changes", "no lag always clears"],
)
def test_samples_in_a_row_at_the_high_mark_raise_and_one_below_the_low_mark_clears(
    samples: list[int], marks: Watermarks, changes: dict[int, Action]
) -> None:
    """The mark itself counts; after a sample below it counting starts again; what was cleared may be raised again."""
    actions = feed(samples, marks)

    assert {number: action for number, action in enumerate(actions) if action is not Action.NONE} == changes


def test_raised_and_cleared_alternate_whatever_comes() -> None:
    """Never two alarms in a row without an all-clear between them."""
    dice = random.Random(7)
    actions = [action for action in feed([dice.randrange(200) for _ in range(5000)]) if action is not Action.NONE]

    assert actions[::2] == [Action.RAISED] * len(actions[::2])
    assert actions[1::2] == [Action.CLEARED] * len(actions[1::2])
    assert len(actions) > 20


@pytest.mark.parametrize(("high", "low", "samples"), [(10, 10, 1), (10, 11, 1), (10, -1, 1), (10, 1, 0)])
def test_marks_without_room_between_them_are_refused(high: int, low: int, samples: int) -> None:
    """They would flap."""
    with pytest.raises(ValueError, match="low < high"):
        Watermarks(high, low, samples)


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
