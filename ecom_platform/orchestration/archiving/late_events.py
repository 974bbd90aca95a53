"""When archived orders are brought back, because something more happened to them: the pure decision and its sensor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.jobs import rehydration_job
from ecom_platform.orchestration.archiving.purge import working_archiver
from ecom_platform.orchestration.names import LATE_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.requests import Asking, Outcome, outcome_of, run_request
from ecom_platform.store.late_events import count_waiting
from ecom_platform.store.leases import ARCHIVER_ROLE, read_lease


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


INTERVAL_SECONDS: Final = 15


@dg.sensor(
    name=LATE_SENSOR,
    job=rehydration_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has orders brought back from the archive when events for them arrived; asks for nothing otherwise.",
)
def late_events_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One look at the late events."""
    asking, now = Asking.parse(context.cursor), datetime.now(UTC).timestamp()
    try:
        with platform.database(SHORT_SECONDS) as db:
            pending = count_waiting(db)
            archiver = working_archiver(read_lease(db, ARCHIVER_ROLE)) if pending else None
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error))
    decision = decide(asking, pending, archiver, outcome_of(context.instance, request_key(asking)), now)
    cursor = decision.asking.dump()
    if decision.ask:
        context.log.info(decision.reason)
        return dg.SensorResult(run_requests=[run_request(request_key(decision.asking))], cursor=cursor)
    return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
