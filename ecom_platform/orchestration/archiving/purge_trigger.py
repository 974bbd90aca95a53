"""When committed archive runs are purged: some wait, and no archiver is at work. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ecom_platform.orchestration.runs.requests import Asking, Outcome


@dataclass(frozen=True, slots=True)
class PurgeDecision:
    """What to remember and say, and whether to ask for a run."""

    asking: Asking
    reason: str
    ask: bool = False


def request_key(asking: Asking) -> str:
    """What the run of the last request carries as a tag."""
    return f"purge-{asking.key}"


def decide(asking: Asking, committed: int, archiver: str | None, outcome: Outcome, now: float) -> PurgeDecision:
    """Judge how many committed runs are not purged; `archiver` names who works on them now."""
    asking = asking.after(outcome, now)
    if not committed:
        return PurgeDecision(asking, "No archive run waits for its purge.")
    text = f"{committed} archive runs wait for their purge"
    if waiting := asking.waiting(now):
        return PurgeDecision(asking, f"{text}; {waiting}.")
    if archiver is not None:
        return PurgeDecision(asking, f"{text}; {archiver} is at work.")
    return PurgeDecision(asking.ask(now), f"{text}.", ask=True)
