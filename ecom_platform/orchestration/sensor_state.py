"""What sensors keep from tick to tick: a cursor, hysteresis between two marks, pauses between tries and rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self, cast

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION: Final = 1
# The event log keeps rows for ever: they are written on a change, and else as often as a plot needs them.
REPEAT_SECONDS: Final = 600.0


class Remembered:
    """Base of a sensor's memory, a dataclass whose fields all have defaults; its cursor is `{"v": 1, <fields>}`."""

    __slots__ = ()

    @classmethod
    def parse(cls, cursor: str | None) -> Self:
        """Read a cursor; an unreadable or older one starts afresh. To reset it, clear the cursor in the UI."""
        try:
            fields: Any = json.loads(cursor or "{}")
            return msgspec.convert(fields, cls) if fields.pop("v", None) == VERSION else cls()
        except (ValueError, AttributeError, TypeError):
            return cls()

    def dump(self) -> str:
        """The cursor."""
        return json.dumps({"v": VERSION, **asdict(cast("DataclassInstance", self))})


def repeat_is_due(written: float, now: float) -> bool:
    """Whether figures that did not change are written again; not held up by a clock that was set back."""
    return not 0 <= now - written < REPEAT_SECONDS


class Action(StrEnum):
    """What one sample changed."""

    NONE = "none"
    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Hysteresis: `high` fires after `samples` samples in a row at or above it, `low` re-arms, between them nothing."""

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


def delay_seconds(failures: int, first_seconds: float, ceiling_seconds: float) -> float:
    """Seconds to wait after that many failures in a row: 0 after none, then `first` doubled up to `ceiling`."""
    if failures <= 0:
        return 0.0
    # Past this exponent the ceiling is reached for every `first`; a float would overflow long after.
    return float(min(ceiling_seconds, first_seconds * 2.0 ** min(failures - 1, 60)))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures in a row of one child; a life of at least `healthy_seconds` makes the next failure the first again."""

    first_seconds: float
    ceiling_seconds: float
    healthy_seconds: float
    failures: int = 0

    def failed(self, lived_seconds: float) -> Backoff:
        """The state after one more failure of a child that lived so long."""
        before = 0 if lived_seconds >= self.healthy_seconds else self.failures
        return replace(self, failures=before + 1)

    @property
    def seconds(self) -> float:
        """Seconds to wait before the next start."""
        return delay_seconds(self.failures, self.first_seconds, self.ceiling_seconds)
