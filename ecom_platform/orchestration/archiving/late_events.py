"""The sensor that has archived orders brought back when something more happened to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.jobs import rehydration_job
from ecom_platform.orchestration.archiving.waiting import WaitingWork, working_archiver
from ecom_platform.orchestration.names import LATE_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.requests import Asking, outcome_of
from ecom_platform.store.late_events import count_waiting
from ecom_platform.store.leases import ARCHIVER_ROLE, read_lease

INTERVAL_SECONDS: Final = 15
LATE_EVENTS: Final = WaitingWork(
    key="rehydration",
    nothing="No event waits for an archived order.",
    waits="events wait for archived orders",
    at_work="brings them back between its steps",
)


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
    outcome = outcome_of(context.instance, LATE_EVENTS.request_key(asking))
    return LATE_EVENTS.answer(context, LATE_EVENTS.decide(asking, pending, archiver, outcome, now))
