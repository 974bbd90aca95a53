"""Which days are computed again, and when."""

from __future__ import annotations

import itertools

from ecom_platform.orchestration.dirty_days import DirtyMemory, after_verdict, decide, waiting_verdict
from ecom_platform.orchestration.runs.requests import Outcome

TODAY = "2026-11-23"
START = 1_000_000.0
TICK_SECONDS = 30


def run(
    seconds: int, touches: dict[str, list[float]], *, fails: int = 0, run_seconds: float = 60
) -> list[tuple[float, str]]:
    """(seconds after the start, blocks) of every request; `touches`: day → seconds at which the stream touches it.

    A run that succeeds cleans the days that were not touched since it was asked for.
    """
    memory, requests, dirty = DirtyMemory(), [], {}
    asked: tuple[float, tuple[str, ...]] | None = None
    for tick in range(0, seconds, TICK_SECONDS):
        now = START + tick
        for day, times in touches.items():
            past = [START + at for at in times if tick - TICK_SECONDS < at <= tick]
            dirty |= {day: max(past)} if past else {}
        outcome = Outcome.NONE
        if asked and now >= asked[0] + run_seconds:
            outcome = Outcome.FAILED if len(requests) <= fails else Outcome.SUCCEEDED
            if outcome is Outcome.SUCCEEDED:
                dirty = {day: at for day, at in dirty.items() if day not in asked[1] or at > asked[0]}
            asked = None
        elif asked:
            outcome = Outcome.ACTIVE
        decision = decide(DirtyMemory.parse(memory.dump()), dirty, TODAY, outcome, now)
        memory = decision.memory
        if decision.blocks:
            days = tuple(day for day in dirty if any(b.first <= day <= b.last for b in decision.blocks))
            asked = (now, days)
            requests.append((tick, ", ".join(map(str, decision.blocks))))
    return requests


def test_a_clean_store_asks_for_nothing() -> None:
    """Neither the latest day nor any other."""
    assert run(7200, {}) == []


def test_a_closed_day_is_computed_once_it_was_quiet_for_five_minutes() -> None:
    """Once, and again when it changes again."""
    touches = {"2026-11-20": [0.0, 100.0, 240.0, 4000.0]}

    assert run(9000, touches) == [(540, "2026-11-20"), (4320, "2026-11-20")]


def test_exactly_the_dirty_days_are_asked_for_in_one_request() -> None:
    """As blocks without a gap; the clean day between them is left alone."""
    touches = {"2026-11-17": [0.0], "2026-11-18": [0.0], "2026-11-20": [0.0]}

    assert run(3600, touches) == [(300, "2026-11-17..2026-11-18, 2026-11-20")]


def test_today_is_computed_at_most_every_half_hour() -> None:
    """It is never quiet, and a quiet moment of it means nothing."""
    assert run(7200, {TODAY: [float(second) for second in range(0, 7200, 10)]}) == [
        (1800, TODAY),
        (3600, TODAY),
        (5400, TODAY),
    ]
    assert run(3600, {TODAY: [0.0]}) == [(1800, TODAY)]


def test_a_closed_day_that_is_never_quiet_is_computed_every_half_hour() -> None:
    """Yesterday's orders are delivered all day long."""
    touches = {"2026-11-22": [float(second) for second in range(0, 7200, 10)]}

    assert [at for at, _ in run(7200, touches)] == [1800, 3600, 5400]


def test_tomorrow_has_no_partition_yet() -> None:
    """A shop whose clock is ahead touches it."""
    assert run(7200, {"2026-11-24": [0.0]}) == []


def test_failed_runs_wait_longer_each_time_and_leave_no_day_behind() -> None:
    """The day stays dirty until a run has computed it."""
    requests = run(7200, {"2026-11-20": [0.0]}, fails=3)

    assert len(requests) == 4
    assert [later - earlier for (earlier, _), (later, _) in itertools.pairwise(requests)] == [
        60 + 60,
        60 + 120,
        60 + 240,
    ]


def test_a_changed_day_that_nobody_computed_for_two_hours_turns_the_check_red() -> None:
    """And green again with its figures; a quiet night changes no day, and a day ahead has no partition."""
    changed = {"2026-11-20": START, TODAY: START + 7_199, "2026-11-24": START}

    assert waiting_verdict({}, TODAY, START).passed
    assert waiting_verdict(changed, TODAY, START + 7_199).passed
    late = waiting_verdict(changed, TODAY, START + 7_200)
    assert not late.passed
    assert "1 changed days were not computed within two hours, the first is 2026-11-20." in str(late.description)


def test_a_verdict_is_written_when_it_changes_and_every_ten_minutes() -> None:
    """A day of ticks with one late day leaves 146 rows."""
    memory, written = DirtyMemory(), 0
    for tick in range(0, 86_400, TICK_SECONDS):
        now = START + tick
        late = {"2026-11-20": START} if 10_010 < tick < 20_010 else {}
        memory, events = after_verdict(DirtyMemory.parse(memory.dump()), waiting_verdict(late, TODAY, now), now)
        written += len(events)

    assert 144 <= written <= 146
