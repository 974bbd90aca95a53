"""When a measured amount is an alarm: above the high mark for several samples, until it is below the low mark. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Action(StrEnum):
    """What one sample changed."""

    NONE = "none"
    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Watermarks:
    """`high` fires after `samples` samples in a row at or above it; `low` re-arms. Between them nothing changes."""

    high: int
    low: int
    samples: int = 3

    def __post_init__(self) -> None:
        """Refuse marks between which there is no room."""
        if not 0 <= self.low < self.high or self.samples < 1:
            raise ValueError(f"Watermarks need 0 <= low < high and samples >= 1, got {self}")


@dataclass(frozen=True, slots=True)
class State:
    """`above` = samples in a row at or above the high mark; `episode` counts alarms, `since` is the last change."""

    firing: bool = False
    above: int = 0
    episode: int = 0
    since: float = 0.0


def decide(state: State, sample: int, now: float, marks: Watermarks) -> tuple[State, Action]:
    """The next state and what changed, from one sample taken at `now` (seconds)."""
    if state.firing:
        if sample < marks.low or sample == 0:
            return State(firing=False, above=0, episode=state.episode, since=now), Action.CLEARED
        return state, Action.NONE
    above = state.above + 1 if sample >= marks.high else 0
    if above >= marks.samples:
        return State(firing=True, above=above, episode=state.episode + 1, since=now), Action.RAISED
    return replace(state, above=above), Action.NONE
