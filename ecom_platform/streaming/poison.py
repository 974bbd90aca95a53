"""When to stop because the topic is poisoned: a window over the last events of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WINDOW_EVENTS = 2_000
LEAST_DEAD = 100
DEAD_SHARE = 0.2

Window = dict[str, Any]
"""`events`: how many were seen, at most 2,000; `dead`: which of them were dead, counted from the oldest."""

EMPTY_WINDOW: Window = {"events": 0, "dead": []}


def slide(window: Window, outcomes: Sequence[bool]) -> Window:
    """Move the window over a chunk; `outcomes` says for each event, oldest first, whether it was dead."""
    events = window["events"] + len(outcomes)
    dropped = max(events - WINDOW_EVENTS, 0)
    dead = [*window["dead"], *(window["events"] + i for i, is_dead in enumerate(outcomes) if is_dead)]
    return {"events": events - dropped, "dead": [position - dropped for position in dead if position >= dropped]}


def is_poisoned(window: Window) -> bool:
    """Whether at least 100 of the last 2,000 events, and more than a fifth of those seen, were dead."""
    dead = len(window["dead"])
    return dead >= LEAST_DEAD and dead > DEAD_SHARE * window["events"]
