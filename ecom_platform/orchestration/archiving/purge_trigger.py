"""What a committed archive run needs next: its check, or its purge. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ecom_platform.orchestration.sensing.run_requests import Asking, Outcome

if TYPE_CHECKING:
    from ecom_platform.store.manifests import Verdict


@dataclass(frozen=True, slots=True)
class PurgeDecision:
    """What to remember and say, and the step to request, if any."""

    asking: Asking
    reason: str
    step: Literal["check", "purge"] | None = None


def request_key(asking: Asking) -> str:
    """What the run of the last request carries as a tag."""
    return f"purge-{asking.key}"


def decide(
    asking: Asking, committed: Sequence[Verdict | None], archiver: str | None, outcome: Outcome, now: float
) -> PurgeDecision:
    """Judge the verdicts of committed runs that are not purged; `archiver` names who works on them now."""
    asking = asking.after(outcome, now)
    if not committed:
        return PurgeDecision(asking, "No archive run waits for its check or its purge.")
    text = f"{len(committed)} archive runs wait"
    if waiting := asking.waiting(now):
        return PurgeDecision(asking, f"{text}; {waiting}.")
    if archiver is not None:
        return PurgeDecision(asking, f"{text}; {archiver} is at work.")
    asked = asking.ask(now)
    if any(verdict is None for verdict in committed):
        return PurgeDecision(asked, f"{text} for a check.", "check")
    if all(verdict is not None and not verdict.passed for verdict in committed):
        return PurgeDecision(asking, f"{text}, but none passed its check; `ecom archive` writes them anew.")
    return PurgeDecision(asked, f"{text} for the purge.", "purge")
