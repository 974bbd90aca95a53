"""Work that waits for an archiver: when a run is asked for it. Two sensors decide that alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from ecom_platform.orchestration.runs.requests import Asking, Outcome, run_request

if TYPE_CHECKING:
    from ecom_platform.store.leases import LeaseState


@dataclass(frozen=True, slots=True)
class Decision:
    """What to remember and say, and whether to ask for a run."""

    asking: Asking
    reason: str
    ask: bool = False


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """One kind of such work.

    Attributes:
        key: begins the keys of its runs.
        nothing: the sentence when none waits.
        waits: what waits, after its number.
        at_work: what an archiver that works does about it, after its name.
    """

    key: str
    nothing: str
    waits: str
    at_work: str

    def request_key(self, asking: Asking) -> str:
        """What the run of the last request carries as a tag."""
        return f"{self.key}-{asking.key}"

    def decide(self, asking: Asking, count: int, archiver: str | None, outcome: Outcome, now: float) -> Decision:
        """Judge `count` pieces of work; `archiver` names who holds the archiver's role, `outcome` is the last run's."""
        asking = asking.after(outcome, now)
        if not count:
            return Decision(asking, self.nothing)
        text = f"{count} {self.waits}"
        if pause := asking.waiting(now):
            return Decision(asking, f"{text}; {pause}.")
        if archiver is not None:
            return Decision(asking, f"{text}; {archiver} {self.at_work}.")
        return Decision(asking.ask(now), f"{text}.", ask=True)

    def answer(
        self, context: dg.SensorEvaluationContext, decision: Decision, tags: Mapping[str, str] | None = None
    ) -> dg.SensorResult:
        """The decision as Dagster takes it."""
        cursor = decision.asking.dump()
        if not decision.ask:
            return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
        context.log.info(decision.reason)
        return dg.SensorResult(run_requests=[run_request(self.request_key(decision.asking), tags)], cursor=cursor)


def working_archiver(lease: LeaseState | None) -> str | None:
    """The holder of the archiver's role, while it lives."""
    return lease.owner if lease is not None and lease.owner is not None and lease.alive() else None
