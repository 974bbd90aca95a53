"""What the lag sensor writes, from what it measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from ecom_platform.errors import UnavailableError
from ecom_platform.orchestration.sensor_state import Watermarks
from ecom_platform.orchestration.topic import LagMemory, after_failure, after_sample, verdict
from ecom_platform.streaming.lag import Lag, PartitionLag

MARKS = Watermarks(high=1000, low=100, samples=3)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def lag(*parts: tuple[int, int, int]) -> Lag:
    """Partitions as (begin, next, end)."""
    return Lag(
        [PartitionLag(n, after, begin, end, max(end - after, 0), None) for n, (begin, after, end) in enumerate(parts)]
    )


def checks(events: list[object]) -> list[bool]:
    """The verdicts among the events."""
    return [event.passed for event in events if isinstance(event, dg.AssetCheckEvaluation)]


def test_a_lag_that_stays_turns_the_check_red_and_a_small_one_green_again() -> None:
    """At 15 s a tick: the third high sample, then the first low one."""
    memory, seen = LagMemory(), []
    for tick, events_behind in enumerate([2000, 2000, 2000, 2000, 500, 50]):
        memory, _, events = after_sample(memory, lag((0, 0, events_behind)), 1000.0 + 15 * tick, MARKS)
        seen.append(checks(events))

    assert seen == [[True], [], [False], [], [], [True]]


def test_lag_that_could_not_be_measured_is_not_zero() -> None:
    """The third failure in a row is a red check; the next measurement clears it at once."""
    memory, seen = LagMemory(), []
    for tick in range(4):
        memory, _, events = after_failure(memory, UnavailableError("Kafka is away"), 1000.0 + 15 * tick)
        seen.append(checks(events))
    assert seen == [[], [], [False], []]

    _, _, events = after_sample(memory, lag((0, 5, 5)), 1061.0, MARKS)
    assert checks(events) == [True]


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (lag((0, 5, 5), (40, 30, 50)), "Partition 1: 10 events"),
        (lag((0, 60, 50)), ""),
        (Lag([replace(part, replaced=True) for part in lag((0, 60, 90)).partitions]), ""),
    ],
    ids=["retention deleted events", "more was applied than the topic holds", "the topic was created again"],
)
def test_events_that_never_will_be_applied_are_an_error_however_small_the_lag(measured: Lag, said: str) -> None:
    """A topic that was created again may have more events than the old one, so that the offsets alone tell nothing."""
    judged = verdict(measured, firing=False, high=1000, now=NOW)

    assert (judged.passed, judged.severe) == (False, True)
    assert said in judged.text


@pytest.mark.parametrize(("open_seconds", "passed"), [(59, True), (60, False)])
def test_a_transaction_that_stays_open_turns_the_check_red_however_few_wait(open_seconds: float, passed: bool) -> None:
    """A producer that hangs with fifty orders behind it would never reach the alarm of the lag."""
    since = NOW - timedelta(seconds=open_seconds)
    held = Lag([replace(part, held=51, held_since=since) for part in lag((0, 10, 61)).partitions])
    judged = verdict(held, firing=False, high=1000, now=NOW)

    assert (judged.passed, judged.severe) == (passed, False)
    assert f"51 of them are held back by an open transaction since {since:%Y-%m-%d %H:%M:%S} UTC" in judged.text


def test_a_clock_that_was_set_back_does_not_silence_the_sensor() -> None:
    """The last event then lies ahead; the next one does not wait until the clock has caught up."""
    memory, _, _ = after_sample(LagMemory(), lag((0, 5, 9)), 10_000.0, MARKS)
    _, _, events = after_sample(memory, lag((0, 5, 9)), 6_400.0, MARKS)

    assert events
