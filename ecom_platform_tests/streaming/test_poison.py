"""When the topic counts as poisoned."""

from __future__ import annotations

import random

import pytest

from ecom_platform.streaming.poison import EMPTY_WINDOW, is_poisoned, slide


@pytest.mark.parametrize(
    ("alive", "dead", "poisoned"),
    [(0, 99, False), (0, 100, True), (399, 100, True), (400, 100, False), (1_600, 400, False), (1_599, 401, True)],
)
def test_it_takes_a_hundred_dead_and_more_than_a_fifth(alive: int, dead: int, poisoned: bool) -> None:
    """A few bad messages at the start are no poison, nor is a steady fifth."""
    assert is_poisoned(slide(EMPTY_WINDOW, [False] * alive + [True] * dead)) is poisoned


def test_the_dead_of_long_ago_are_forgotten() -> None:
    """Only the last 2,000 events count."""
    window = slide(EMPTY_WINDOW, [True] * 500)
    assert is_poisoned(window)

    window = slide(window, [False] * 1_999)
    assert window == {"events": 2_000, "dead": [0]}
    assert slide(window, [False]) == {"events": 2_000, "dead": []}


@pytest.mark.parametrize("seed", range(3))
def test_how_events_are_cut_into_chunks_does_not_matter(seed: int) -> None:
    """Against a plain list of the last 2,000 outcomes."""
    chance = random.Random(seed)
    window, outcomes = EMPTY_WINDOW, []
    for _ in range(40):
        chunk = [chance.random() < 0.3 for _ in range(chance.choice((0, 1, 50, 700, 2_500)))]
        window = slide(window, chunk)
        outcomes = [*outcomes, *chunk][-2_000:]
        assert window["events"] == len(outcomes)
        assert window["dead"] == [position for position, is_dead in enumerate(outcomes) if is_dead]


def test_sliding_leaves_the_old_window_alone() -> None:
    """A transaction that is tried again begins with the same window."""
    window = slide(EMPTY_WINDOW, [True, False])
    slide(window, [True] * 3)

    assert window == {"events": 2, "dead": [0]}
    assert EMPTY_WINDOW == {"events": 0, "dead": []}
