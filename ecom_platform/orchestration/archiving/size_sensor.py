"""The sensor that watches the size of the orders in MongoDB and has the oldest ones archived."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.events import size_of_orders
from ecom_platform.orchestration.archiving.jobs import orders_archive_job
from ecom_platform.orchestration.archiving.requests import Eligible, archive_request, read_eligible
from ecom_platform.orchestration.archiving.size_trigger import (
    WORTH_SHARE,
    SizeDecision,
    SizeMemory,
    decide,
    nothing_to_take,
)
from ecom_platform.orchestration.names import ARCHIVE_SENSOR, SIZE_CHECK
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.runs.requests import Outcome, history_is_loading, outcome_of
from ecom_platform.orchestration.sensor_state import Watermarks, repeat_is_due
from ecom_platform.orchestration.tables import fact_key
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase

INTERVAL_SECONDS: Final = 15
SAMPLES: Final = 2
# The planner groups all old orders by day, which takes longer than a look at a counter.
PLAN_SECONDS: Final = 40.0


@dg.sensor(
    name=ARCHIVE_SENSOR,
    job=orders_archive_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures the orders in MongoDB; above the high mark it has the oldest days archived, and raises the "
    "size check when that does not help.",
)
def orders_size_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One sample; the planner is asked only when a run is due."""
    memory, now = SizeMemory.parse(context.cursor), datetime.now(UTC).timestamp()
    try:
        settings = platform.settings()
        with platform.database(PLAN_SECONDS) as db:
            if loading := history_is_loading(db):
                return dg.SensorResult(skip_reason=loading, cursor=memory.dump())
            size = size_of_orders(db)
            outcome = _outcome(context.instance, db, memory)
            decision, eligible = _decide(settings, db, memory, size, outcome, now)
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error), cursor=memory.dump())
    remembered, events = events_of(decision, memory, size, now)
    if decision.ask and eligible is not None:
        context.log.info(decision.reason)
        request = archive_request(remembered.key, eligible.blocks[0])
        return dg.SensorResult(run_requests=[request], asset_events=events, cursor=remembered.dump())
    return dg.SensorResult(skip_reason=decision.reason, asset_events=events, cursor=remembered.dump())


def _decide(
    settings: Settings, db: MongoDatabase, memory: SizeMemory, size: int, outcome: Outcome, now: float
) -> tuple[SizeDecision, Eligible | None]:
    marks = marks_of(settings)
    decision = decide(memory, size, outcome, now, marks)
    if not decision.ask:
        return decision, None
    eligible = read_eligible(settings, db)
    # Orders grow old every minute: for a handful nobody starts a JVM.
    if not eligible.blocks or eligible.bytes < size * WORTH_SHARE:
        return nothing_to_take(decision, size, now, marks), None
    return decision, eligible


def _outcome(instance: dg.DagsterInstance, db: MongoDatabase, memory: SizeMemory) -> Outcome:
    """Of the last request: it has succeeded only when the purge that follows it is done, too."""
    from ecom_platform.archive.run import unfinished_runs

    outcome = outcome_of(instance, memory.key)
    purging = outcome is Outcome.SUCCEEDED and any(run.is_cold for run in unfinished_runs(db))
    return Outcome.ACTIVE if purging else outcome


def marks_of(settings: Settings) -> Watermarks:
    """The marks of the settings. Raises ConfigurationError when there is no room between them."""
    try:
        return Watermarks(settings.archive_high_bytes, settings.archive_low_bytes, SAMPLES)
    except ValueError as error:
        raise ConfigurationError(
            f"ECOM_ARCHIVE_LOW_BYTES ({settings.archive_low_bytes:,}) must be below ECOM_ARCHIVE_HIGH_BYTES "
            f"({settings.archive_high_bytes:,}). Nothing is archived because of the size; change one of them."
        ) from error


def events_of(decision: SizeDecision, before: SizeMemory, size: int, now: float) -> tuple[SizeMemory, list[Any]]:
    """What to remember, and the events: when something changed or a repeat is due."""
    memory = replace(decision.memory, passed=decision.passed)
    changed = decision.ask or decision.passed != before.passed or memory.firing != before.firing
    if not changed and not repeat_is_due(before.emitted, now):
        return memory, []
    figures: dict[str, Any] = {
        "orders_bytes": dg.MetadataValue.int(size),
        "archiving": memory.firing,
        "episode": dg.MetadataValue.int(memory.episode),
        "failed_runs": dg.MetadataValue.int(memory.asking.failures),
    }
    key = fact_key("orders")
    observed = dg.AssetObservation(key, metadata=figures, description=decision.reason)
    judged = dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=SIZE_CHECK,
        passed=decision.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=decision.reason,
        metadata=figures,
    )
    return replace(memory, emitted=now), [observed, judged]
