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
from ecom_platform.orchestration.sensor_state import Remembered, repeat_is_due
from ecom_platform.orchestration.tables import KPI_KEYS, result_of
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors

QUIET_SECONDS: Final = 300.0
# Today, and closed days that are never quiet.
LONGEST_WAIT_SECONDS: Final = 1800.0
INTERVAL_SECONDS: Final = 30
# A day is asked for within half an hour of its last change, and a run takes minutes.
OVERDUE_SECONDS: Final = 7_200.0
WAITING_CHECK: Final = "no_day_waits"


@dataclass(frozen=True, slots=True)
class DirtyMemory(Remembered):
    """The cursor `{"v": 1, …}`: the requests, and since when each dirty day waits (or was last asked for).

    `written` and `passed` are when a verdict was last written, and which.
    """

    asking: Asking = field(default_factory=Asking)
    since: dict[str, float] = field(default_factory=dict)
    written: float = 0.0
    passed: bool = True

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
    memory = replace(memory, asking=memory.asking.after(outcome, now), since={**dict.fromkeys(days, now), **kept})
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


def waiting_verdict(touched: Mapping[str, float], today: str, now: float) -> dg.AssetCheckEvaluation:
    """The verdict on the days that are still dirty long after their last change."""
    late = sorted(day for day, at in touched.items() if day <= today and now - at >= OVERDUE_SECONDS)
    text = f"{len(late)} changed days were not computed within two hours, the first is {late[0]}." if late else ""
    return dg.AssetCheckEvaluation(
        asset_key=KPI_KEYS[0],
        check_name=WAITING_CHECK,
        passed=not late,
        severity=dg.AssetCheckSeverity.ERROR,
        description=text or "Every changed day was computed in time.",
        metadata={"days": dg.MetadataValue.int(len(late))},
    )


def after_verdict(
    memory: DirtyMemory, verdict: dg.AssetCheckEvaluation, now: float
) -> tuple[DirtyMemory, list[dg.AssetCheckEvaluation]]:
    """Memory and events: a verdict that changed, or when a repeat is due."""
    if verdict.passed == memory.passed and not repeat_is_due(memory.written, now):
        return memory, []
    return replace(memory, written=now, passed=verdict.passed), [verdict]


@dg.asset_check(
    asset=KPI_KEYS[0],
    name=WAITING_CHECK,
    description="Every changed day is computed again within two hours; a day without a change stays fresh.",
)
def no_day_waits(platform: Platform) -> dg.AssetCheckResult:
    """One look, as the sensor writes it."""
    now = datetime.now(UTC)
    with platform.database() as db:
        touched = _with_partition(read_touched(db), platform)
    return result_of(waiting_verdict(touched, now.date().isoformat(), now.timestamp()))


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
        with platform.database(SHORT_SECONDS) as db:
            if loading := history_is_loading(db):
                return dg.SensorResult(skip_reason=loading)
            touched = _with_partition(read_touched(db), platform)
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error))
    fail_workerless(context.instance, KPI_JOB)
    today, at = now.date().isoformat(), now.timestamp()
    decision = decide(memory, touched, today, outcome_of(context.instance, memory.key), at)
    memory, events = after_verdict(decision.memory, waiting_verdict(touched, today, at), at)
    cursor = memory.dump()
    if not decision.blocks:
        return dg.SensorResult(skip_reason=decision.reason, asset_events=events, cursor=cursor)
    context.log.info(decision.reason)
    requests = [run_request(memory.key, {**BATCH_TAGS, **block.tags}, part=str(block)) for block in decision.blocks]
    return dg.SensorResult(run_requests=requests, asset_events=events, cursor=cursor)


def _with_partition(touched: Mapping[str, float], platform: Platform) -> dict[str, float]:
    first = platform.settings().history_start.isoformat()
    return {day: at for day, at in touched.items() if day >= first}


def read_touched(db: MongoDatabase) -> dict[str, float]:
    """Day → when anything of it last changed, seconds since 1970. Raises UnavailableError."""
    with mongo_errors("looking for changed days"):
        rows = db[names.DIRTY_DAYS].aggregate([{"$group": {"_id": "$day", "at": {"$max": "$at"}}}])
        return {row["_id"]: row["at"].timestamp() for row in rows}
