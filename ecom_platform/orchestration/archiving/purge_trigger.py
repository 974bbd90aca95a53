"""What a committed archive run needs next: its check, or its purge. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ecom_platform.orchestration.sensing.asking import Asking, Outcome
from ecom_platform.orchestration.sensing.cursor import Remembered

if TYPE_CHECKING:
    from ecom_platform.store.manifests import Verdict

__all__ = ["PurgeDecision", "PurgeMemory", "decide"]


@dataclass(frozen=True, slots=True)
class PurgeMemory(Remembered):
    """The cursor `{"v": 1, …}`: the requests."""

    asking: Asking = field(default_factory=Asking)

    @property
    def key(self) -> str:
        """The run key of the last request."""
        return f"purge-{self.asking.key}"


@dataclass(frozen=True, slots=True)
class PurgeDecision:
    """What to remember and say, and the step to request, if any."""

    memory: PurgeMemory
    reason: str
    step: Literal["check", "purge"] | None = None


def decide(
    memory: PurgeMemory, committed: Sequence[Verdict | None], archiver: str | None, outcome: Outcome, now: float
) -> PurgeDecision:
    """Judge the verdicts of committed runs that are not purged; `archiver` names who works on them now."""
    memory = replace(memory, asking=memory.asking.after(outcome, now))
    if not committed:
        return PurgeDecision(memory, "No archive run waits for its check or its purge.")
    text = f"{len(committed)} archive runs wait"
    if waiting := memory.asking.waiting(now):
        return PurgeDecision(memory, f"{text}; {waiting}.")
    if archiver is not None:
        return PurgeDecision(memory, f"{text}; {archiver} is at work.")
    asked = replace(memory, asking=memory.asking.ask(now))
    if any(verdict is None for verdict in committed):
        return PurgeDecision(asked, f"{text} for a check.", "check")
    if all(verdict is not None and not verdict.passed for verdict in committed):
        return PurgeDecision(memory, f"{text}, but none passed its check; `ecom archive` writes them anew.")
    return PurgeDecision(asked, f"{text} for the purge.", "purge")
