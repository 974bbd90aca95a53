"""The sensor that has committed archive runs purged, also those that Dagster did not make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.jobs import orders_purge_job
from ecom_platform.orchestration.archiving.waiting import WaitingWork, working_archiver
from ecom_platform.orchestration.names import PURGE_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.recovery import fail_dead_holder
from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST, Asking, outcome_of
from ecom_platform.store.leases import ARCHIVER_ROLE, read_lease

INTERVAL_SECONDS: Final = 10
COMMITTED_RUNS: Final = WaitingWork(
    key="purge",
    nothing="No archive run waits for its purge.",
    waits="archive runs wait for their purge",
    at_work="is at work",
)


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
    outcome = outcome_of(context.instance, COMMITTED_RUNS.request_key(asking))
    decision = COMMITTED_RUNS.decide(asking, committed, working_archiver(lease), outcome, now)
    return COMMITTED_RUNS.answer(context, decision, ARCHIVE_FIRST)
