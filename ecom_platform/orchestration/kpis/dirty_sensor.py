"""The sensor that has the KPIs of exactly those days computed again that changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.kpis.dirty_trigger import DirtyMemory, decide
from ecom_platform.orchestration.kpis.jobs import kpi_daily_job
from ecom_platform.orchestration.names import DIRTY_SENSOR, KPI_JOB
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.recovery import fail_workerless
from ecom_platform.orchestration.sensing.loading import history_is_loading
from ecom_platform.orchestration.sensing.requests import BATCH_TAGS, outcome_of, run_request
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors

INTERVAL_SECONDS: Final = 30


@dg.sensor(
    name=DIRTY_SENSOR,
    job=kpi_daily_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has the daily KPIs of changed days computed again: closed days once quiet, today every half hour.",
)
def dirty_days_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One look at the days that the stream and the archive marked."""
    memory, now = DirtyMemory.parse(context.cursor), datetime.now(UTC)
    try:
        settings = platform.settings()
        with platform.database(SHORT_SECONDS) as db:
            if loading := history_is_loading(db):
                return dg.SensorResult(skip_reason=loading)
            touched = read_touched(db)
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error))
    fail_workerless(context.instance, KPI_JOB)
    first = settings.history_start.isoformat()
    touched = {day: at for day, at in touched.items() if day >= first}
    outcome = outcome_of(context.instance, memory.key)
    decision = decide(memory, touched, now.date().isoformat(), outcome, now.timestamp())
    cursor = decision.memory.dump()
    if not decision.blocks:
        return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
    context.log.info(decision.reason)
    key = decision.memory.key
    requests = [run_request(key, {**BATCH_TAGS, **block.tags}, part=str(block)) for block in decision.blocks]
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def read_touched(db: MongoDatabase) -> dict[str, float]:
    """Day → when anything of it last changed, seconds since 1970. Raises UnavailableError."""
    with mongo_errors("looking for changed days"):
        rows = db[names.DIRTY_DAYS].aggregate([{"$group": {"_id": "$day", "at": {"$max": "$at"}}}])
        return {row["_id"]: row["at"].timestamp() for row in rows}
