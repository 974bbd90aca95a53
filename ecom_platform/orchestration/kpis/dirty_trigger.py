"""Which days' KPIs to compute again: closed days once they are quiet, today now and then. Pure.

The stream marks a day when it changes any of its figures. Orders of yesterday are delivered today, so a day may never
be quiet: after a while it is computed all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ecom_platform.orchestration.runs.blocks import Block, blocks_of
from ecom_platform.orchestration.sensing.cursor import Remembered
from ecom_platform.orchestration.sensing.run_requests import Asking, Outcome

QUIET_SECONDS: Final = 300.0
# Today, and closed days that are never quiet.
LONGEST_WAIT_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True)
class DirtyMemory(Remembered):
    """The cursor `{"v": 1, …}`: the requests, and since when each dirty day waits (or was last asked for)."""

    asking: Asking = field(default_factory=Asking)
    since: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the runs of the last request carry as a tag."""
        return f"kpi-{self.asking.key}"


@dataclass(frozen=True, slots=True)
class DirtyDecision:
    """What to remember and say, and the blocks of days to compute now."""

    memory: DirtyMemory
    reason: str
    blocks: tuple[Block, ...] = ()


def decide(
    memory: DirtyMemory, touched: Mapping[str, float], today: str, outcome: Outcome, now: float
) -> DirtyDecision:
    """Judge the dirty days.

    Args:
        memory: what is remembered.
        touched: day → when it was last touched, seconds since 1970; days after today have no partition yet.
        today: the UTC day.
        outcome: of the last request.
        now: seconds since 1970.
    """
    days = {day: at for day, at in touched.items() if day <= today}
    # Today is asked for at most so often, also when a run left it clean in between.
    kept = {day: at for day, at in memory.since.items() if day in days or day == today}
    memory = DirtyMemory(memory.asking.after(outcome, now), {**dict.fromkeys(days, now), **kept})
    if not days:
        return DirtyDecision(memory, "No day changed since its figures were computed.")
    if waiting := memory.asking.waiting(now):
        return DirtyDecision(memory, f"{len(days)} days changed; {waiting}.")
    due = [day for day, at in days.items() if _is_due(day, at, memory.since[day], today, now)]
    if not due:
        return DirtyDecision(memory, f"{len(days)} days changed and are not quiet yet.")
    memory = replace(memory, asking=memory.asking.ask(now), since={**memory.since, **dict.fromkeys(due, now)})
    blocks = tuple(blocks_of(due))
    return DirtyDecision(memory, f"Computing {', '.join(map(str, blocks))}.", blocks)


def _is_due(day: str, touched_at: float, since: float, today: str, now: float) -> bool:
    quiet = day < today and now - touched_at >= QUIET_SECONDS
    return quiet or now - since >= LONGEST_WAIT_SECONDS
