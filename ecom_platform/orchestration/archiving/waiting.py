"""Work that waits for an archiver, late events and committed runs: when a run is asked for it, and the two sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.jobs import orders_purge_job, rehydration_job
from ecom_platform.orchestration.names import LATE_SENSOR, PURGE_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.recovery import fail_dead_holder
from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST, Asking, Outcome, outcome_of, run_request
from ecom_platform.store.late_events import count_waiting
from ecom_platform.store.leases import ARCHIVER_ROLE, read_lease

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
        tags: of its runs.
    """

    key: str
    nothing: str
    waits: str
    at_work: str
    tags: Mapping[str, str] = field(default_factory=dict)

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

    def answer(self, context: dg.SensorEvaluationContext, count: int, lease: LeaseState | None) -> dg.SensorResult:
        """What a sensor answers that counted the work and read the archiver's lease."""
        asking, now = Asking.parse(context.cursor), datetime.now(UTC).timestamp()
        outcome = outcome_of(context.instance, self.request_key(asking))
        decision = self.decide(asking, count, working_archiver(lease), outcome, now)
        cursor = decision.asking.dump()
        if not decision.ask:
            return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
        context.log.info(decision.reason)
        return dg.SensorResult(run_requests=[run_request(self.request_key(decision.asking), self.tags)], cursor=cursor)


def working_archiver(lease: LeaseState | None) -> str | None:
    """The holder of the archiver's role, while it lives."""
    return lease.owner if lease is not None and lease.owner is not None and lease.alive() else None


LATE_EVENTS: Final = WaitingWork(
    key="rehydration",
    nothing="No event waits for an archived order.",
    waits="events wait for archived orders",
    at_work="brings them back between its steps",
)
COMMITTED_RUNS: Final = WaitingWork(
    key="purge",
    nothing="No archive run waits for its purge.",
    waits="archive runs wait for their purge",
    at_work="is at work",
    tags=ARCHIVE_FIRST,
)


@dg.sensor(
    name=LATE_SENSOR,
    job=rehydration_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has orders brought back from the archive when events for them arrived; asks for nothing otherwise.",
)
def late_events_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One look at the late events."""
    try:
        with platform.database(SHORT_SECONDS) as db:
            pending = count_waiting(db)
            lease = read_lease(db, ARCHIVER_ROLE) if pending else None
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error))
    return LATE_EVENTS.answer(context, pending, lease)


@dg.sensor(
    name=PURGE_SENSOR,
    job=orders_purge_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has committed archive runs purged, also those that Dagster did not make; ends runs whose worker died.",
)
def orders_purge_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One look at the manifests."""
    from ecom_platform.archive.run import unfinished_runs

    try:
        with platform.database(SHORT_SECONDS) as db:
            lease = read_lease(db, ARCHIVER_ROLE)
            committed = sum(manifest.is_cold for manifest in unfinished_runs(db))
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error))
    fail_dead_holder(context.instance, lease)
    return COMMITTED_RUNS.answer(context, committed, lease)
