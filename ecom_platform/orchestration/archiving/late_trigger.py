"""When archived orders are brought back: events wait for them, and nobody else is at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ecom_platform.orchestration.sensing.asking import Asking, Outcome
from ecom_platform.orchestration.sensing.cursor import Remembered

__all__ = ["LateDecision", "LateMemory", "decide"]


@dataclass(frozen=True, slots=True)
class LateMemory(Remembered):
    """The cursor `{"v": 1, …}`: the requests."""

    asking: Asking = field(default_factory=Asking)

    @property
    def key(self) -> str:
        """The run key of the last request."""
        return f"rehydration-{self.asking.key}"


@dataclass(frozen=True, slots=True)
class LateDecision:
    """What to remember and say, and whether to ask for a run."""

    memory: LateMemory
    reason: str
    ask: bool = False


def decide(memory: LateMemory, pending: int, archiver: str | None, outcome: Outcome, now: float) -> LateDecision:
    """Judge `pending` late events; `archiver` names who holds the archiver's lease: it brings them back itself."""
    memory = LateMemory(memory.asking.after(outcome, now))
    if not pending:
        return LateDecision(memory, "No event waits for an archived order.")
    text = f"{pending} events wait for archived orders"
    if waiting := memory.asking.waiting(now):
        return LateDecision(memory, f"{text}; {waiting}.")
    if archiver is not None:
        return LateDecision(memory, f"{text}; {archiver} brings them back between its steps.")
    return LateDecision(replace(memory, asking=memory.asking.ask(now)), f"{text}.", ask=True)
