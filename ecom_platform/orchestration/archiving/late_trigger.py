"""When archived orders are brought back: events wait for them, and nobody else is at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ecom_platform.orchestration.runs.requests import Asking, Outcome


@dataclass(frozen=True, slots=True)
class LateDecision:
    """What to remember and say, and whether to ask for a run."""

    asking: Asking
    reason: str
    ask: bool = False


def request_key(asking: Asking) -> str:
    """What the run of the last request carries as a tag."""
    return f"rehydration-{asking.key}"


def decide(asking: Asking, pending: int, archiver: str | None, outcome: Outcome, now: float) -> LateDecision:
    """Judge `pending` late events; `archiver` names who holds the archiver's lease: it brings them back itself."""
    asking = asking.after(outcome, now)
    if not pending:
        return LateDecision(asking, "No event waits for an archived order.")
    text = f"{pending} events wait for archived orders"
    if waiting := asking.waiting(now):
        return LateDecision(asking, f"{text}; {waiting}.")
    if archiver is not None:
        return LateDecision(asking, f"{text}; {archiver} brings them back between its steps.")
    return LateDecision(asking.ask(now), f"{text}.", ask=True)
