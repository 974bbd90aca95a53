"""Hours of the size sensor in milliseconds: it fires once, it does not storm, it recovers, it gives up aloud."""

# A fake whose method names say all.
# ruff: noqa: D102

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ecom_platform.orchestration.archiving.size import SizeMemory, decide, nothing_to_take
from ecom_platform.orchestration.runs.requests import Outcome
from ecom_platform.orchestration.sensor_state import Watermarks

MB = 1_000_000
MARKS = Watermarks(300 * MB, 200 * MB, samples=2)
TICK_SECONDS = 15
HOUR = 3600


@dataclass
class Shop:
    """MongoDB that grows, runs that take a while, and the sensor that looks at both.

    `frees` is called with the number of the run: bytes it frees, or the outcome it ends with instead.
    """

    size: float = 250 * MB
    growth_per_second: float = 0.0
    frees: Callable[[int], float | Outcome] = lambda _run: 150 * MB
    eligible: Callable[[float], bool] = lambda _now: True
    run_seconds: int = 90
    now: float = 1_000_000.0
    memory: SizeMemory = field(default_factory=SizeMemory)
    keys: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    verdicts: list[bool] = field(default_factory=list)
    reason: str = ""

    def outcome(self) -> Outcome:
        if not self.keys or self.memory.key != self.keys[-1]:
            return Outcome.NONE
        if self.now < self.asked_at[-1] + self.run_seconds:
            return Outcome.ACTIVE
        result = self.frees(len(self.keys))
        return result if isinstance(result, Outcome) else Outcome.SUCCEEDED

    def tick(self) -> None:
        before, self.now = self.now, self.now + TICK_SECONDS
        self.size += self.growth_per_second * TICK_SECONDS
        if self.keys and before < self.asked_at[-1] + self.run_seconds <= self.now:
            freed = self.frees(len(self.keys))
            self.size -= 0 if isinstance(freed, Outcome) else freed
        decision = decide(SizeMemory.parse(self.memory.dump()), int(self.size), self.outcome(), self.now, MARKS)
        if decision.ask and not self.eligible(self.now):
            decision = nothing_to_take(decision, int(self.size), self.now, MARKS)
        if decision.ask:
            self.keys.append(decision.memory.key)
            self.asked_at.append(self.now)
        self.memory, self.reason = decision.memory, decision.reason
        self.verdicts.append(decision.passed)

    def live(self, hours: float) -> None:
        for _ in range(int(hours * HOUR / TICK_SECONDS)):
            self.tick()


def test_below_the_mark_nothing_happens_and_a_short_peak_is_none() -> None:
    """One sample above it says little."""
    shop = Shop(size=299 * MB)
    shop.live(24)
    shop.size = 400 * MB
    shop.tick()
    shop.size = 299 * MB
    shop.live(1)

    assert (shop.keys, set(shop.verdicts)) == ([], {True})


def test_an_episode_is_one_run_and_the_next_begins_at_the_high_mark_again() -> None:
    """Three days at 1 MB a minute: from 150 to 300 MB in 150 minutes, with any size in between."""
    shop = Shop(growth_per_second=MB / 60)
    shop.live(72)

    assert shop.memory.episode == len(shop.keys) == pytest.approx(72 * 60 / 150, abs=2)
    assert set(shop.verdicts) == {True}


def test_several_blocks_of_days_are_several_runs_of_one_episode() -> None:
    """Each frees a part; between the marks it goes on until the low one is passed."""
    shop = Shop(size=500 * MB, frees=lambda _run: 80 * MB)
    shop.live(2)

    assert (shop.memory.episode, len(shop.keys), shop.size) == (1, 4, 180 * MB)
    assert not shop.memory.firing


def test_between_the_marks_with_nothing_left_to_take_the_episode_ends() -> None:
    """250 MB of orders that are too young are fine; no run is started to find that out."""
    shop = Shop(size=310 * MB, frees=lambda _run: 60 * MB)
    shop.eligible = lambda _now: not shop.keys
    shop.live(12)

    assert (len(shop.keys), shop.memory.firing, set(shop.verdicts)) == (1, False, {True})


def test_failed_runs_are_repeated_with_growing_pauses_and_then_it_recovers() -> None:
    """Every attempt has its own key; the check is red from the third failure until a run succeeds."""
    shop = Shop(size=400 * MB, frees=lambda run: Outcome.FAILED if run <= 4 else 250 * MB)
    shop.live(2)
    gaps = [later - earlier for earlier, later in itertools.pairwise(shop.asked_at)]

    assert len(set(shop.keys)) == len(shop.keys) == 5
    assert gaps == [90 + 60, 90 + 120, 90 + 240, 90 + 480]
    assert (False in shop.verdicts, shop.verdicts[-1], shop.memory.firing) == (True, True, False)


def test_a_day_of_failures_is_no_storm() -> None:
    """An hour between two attempts at last."""
    shop = Shop(size=400 * MB, frees=lambda _run: Outcome.FAILED)
    shop.live(24)

    assert len(shop.keys) < 32
    assert not shop.verdicts[-1]


def test_archiving_that_frees_nothing_is_given_up_with_an_alarm() -> None:
    """Three times in a row; the check stays red and says what to do."""
    shop = Shop(size=400 * MB, frees=lambda _run: 0)
    shop.live(48)

    assert len(shop.keys) == 3
    assert shop.verdicts[-1] is False
    assert "frees nothing" in shop.reason
    assert "ECOM_ARCHIVE_HIGH_BYTES" in shop.reason


def test_orders_that_are_all_too_young_are_given_up_without_a_single_run() -> None:
    """The planner is asked a few times only: it scans."""
    asked = []
    shop = Shop(size=400 * MB, eligible=lambda now: bool(asked.append(now)))
    shop.live(24)

    assert (len(asked), shop.keys, shop.verdicts[-1]) == (3, [], False)


def test_after_giving_up_a_smaller_collection_ends_the_alarm() -> None:
    """The daily run, or a person, has archived; the next episode is an ordinary one."""
    shop = Shop(size=400 * MB, frees=lambda run: 0 if run <= 3 else 250 * MB)
    shop.live(10)
    shop.size = 250 * MB
    shop.live(1)
    assert shop.verdicts[-1] is True

    shop.size = 400 * MB
    shop.live(1)
    assert (len(shop.keys), shop.size, shop.memory.episode) == (4, 150 * MB, 2)


def test_a_run_that_lasts_too_long_turns_the_check_red() -> None:
    """And no second one is requested beside it."""
    shop = Shop(size=400 * MB, run_seconds=100 * HOUR)
    shop.live(3)

    assert (len(shop.keys), shop.verdicts[-1]) == (1, False)


def test_a_cancelled_run_is_not_started_again_at_the_next_tick() -> None:
    """Who cancels it wants peace for a while."""
    shop = Shop(size=400 * MB, frees=lambda run: Outcome.CANCELLED if run == 1 else 250 * MB)
    shop.live(3)

    assert len(shop.keys) == 2
    assert shop.asked_at[1] - shop.asked_at[0] >= HOUR
