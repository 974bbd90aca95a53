"""What a committed archive run needs next, its purge: the decision, which is pure, and its sensor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.jobs import orders_purge_job
from ecom_platform.orchestration.names import PURGE_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.recovery import fail_dead_holder
from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST, Asking, Outcome, outcome_of, run_request
from ecom_platform.store.leases import ARCHIVER_ROLE, read_lease

if TYPE_CHECKING:
    from ecom_platform.store.leases import LeaseState


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


INTERVAL_SECONDS: Final = 10


@dg.sensor(
    name=PURGE_SENSOR,
    job=orders_purge_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has committed archive runs purged; ends runs whose worker died.",
)
def orders_purge_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One look at the manifests."""
    from ecom_platform.archive.run import unfinished_runs

    asking, now = Asking.parse(context.cursor), datetime.now(UTC).timestamp()
    try:
        with platform.database(SHORT_SECONDS) as db:
            lease = read_lease(db, ARCHIVER_ROLE)
            committed = sum(manifest.is_cold for manifest in unfinished_runs(db))
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error))
    fail_dead_holder(context.instance, lease)
    outcome = outcome_of(context.instance, request_key(asking))
    decision = decide(asking, committed, working_archiver(lease), outcome, now)
    cursor = decision.asking.dump()
    if not decision.ask:
        return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
    context.log.info(decision.reason)
    request = run_request(request_key(decision.asking), ARCHIVE_FIRST)
    return dg.SensorResult(run_requests=[request], cursor=cursor)


def working_archiver(lease: LeaseState | None) -> str | None:
    """Who holds the archiver's role, if anybody alive does."""
    return lease.owner if lease is not None and lease.owner is not None and lease.alive() else None
