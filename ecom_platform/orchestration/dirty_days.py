"""The sensor that has the daily KPIs of changed days computed again: closed days once quiet, today every half hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.kpis import KPI_JOB, kpi_daily_job
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.partitions import Block, blocks_of
from ecom_platform.orchestration.runs.recovery import fail_workerless
from ecom_platform.orchestration.runs.requests import (
    BATCH_TAGS,
    Asking,
    Outcome,
    history_is_loading,
    outcome_of,
    run_request,
)
from ecom_platform.orchestration.sensor_state import Remembered
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors

QUIET_SECONDS: Final = 300.0
# Today, and closed days that are never quiet.
LONGEST_WAIT_SECONDS: Final = 1800.0
INTERVAL_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class DirtyMemory(Remembered):
    """The cursor `{"v": 1, …}`: the requests, and since when each dirty day waits (or was last asked for)."""

    asking: Asking = field(default_factory=Asking)
    since: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the runs of the last request carry as a tag."""
        return f"kpi-{self.asking.key}"


@dataclass(frozen=True, slots=True)
class DirtyDecision:
    """What to remember and say, and the blocks of days to compute now."""

    memory: DirtyMemory
    reason: str
    blocks: tuple[Block, ...] = ()


def decide(
    memory: DirtyMemory, touched: Mapping[str, float], today: str, outcome: Outcome, now: float
) -> DirtyDecision:
    """Judge the dirty days.

    Args:
        memory: what is remembered.
        touched: day → when it was last touched, seconds since 1970; days after today have no partition yet.
        today: the UTC day.
        outcome: of the last request.
        now: seconds since 1970.
    """
    days = {day: at for day, at in touched.items() if day <= today}
    # Today is asked for at most so often, also when a run left it clean in between.
    kept = {day: at for day, at in memory.since.items() if day in days or day == today}
    memory = DirtyMemory(memory.asking.after(outcome, now), {**dict.fromkeys(days, now), **kept})
    if not days:
        return DirtyDecision(memory, "No day changed since its figures were computed.")
    if waiting := memory.asking.waiting(now):
        return DirtyDecision(memory, f"{len(days)} days changed; {waiting}.")
    due = [day for day, at in days.items() if _is_due(day, at, memory.since[day], today, now)]
    if not due:
        return DirtyDecision(memory, f"{len(days)} days changed and are not quiet yet.")
    memory = replace(memory, asking=memory.asking.ask(now), since={**memory.since, **dict.fromkeys(due, now)})
    blocks = tuple(blocks_of(due))
    return DirtyDecision(memory, f"Computing {', '.join(map(str, blocks))}.", blocks)


def _is_due(day: str, touched_at: float, since: float, today: str, now: float) -> bool:
    quiet = day < today and now - touched_at >= QUIET_SECONDS
    return quiet or now - since >= LONGEST_WAIT_SECONDS


@dg.sensor(
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
