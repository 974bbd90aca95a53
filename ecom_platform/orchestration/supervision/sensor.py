"""The sensor that makes the runs agree with the intent: it looks, `reconciler` decides, it acts."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.dagster_internals import cancel_asked_at, report_ended
from ecom_platform.orchestration.names import (
    ENDED_BY_TAG,
    LEASED_TAG,
    STOPPED_BY_TAG,
)
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.supervision.jobs import SUPERVISOR_JOB, streaming_supervisor_job
from ecom_platform.orchestration.supervision.reconciler import (
    Burial,
    Decision,
    LeaseView,
    Memory,
    RunView,
    Situation,
    Worker,
    decide,
)
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.desired_state import read_intent, set_intent
from ecom_platform.store.leases import STREAM_ROLE, LeaseState, read_lease
from ecom_platform.store.process_identity import identify

INTERVAL_SECONDS: Final = 5
# Enough to count setbacks; a run by hand in between does not push the supervisor's last run out.
RUNS_LOOKED_AT: Final = 20


@dg.sensor(
    job=streaming_supervisor_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the supervisor when the stream is wanted, buries dead runs, respects a person's cancel.",
)
def streaming_supervisor_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One look, one decision. MongoDB that does not answer fails the tick: nothing can be known without it."""
    try:
        decision = _tick(context, platform)
    except ConfigurationError as error:
        # Nothing is set up yet, as in a fresh clone: that is no fault of this tick.
        return dg.SensorResult(skip_reason=str(error))
    cursor = decision.memory.dump()
    if decision.request:
        context.log.info(decision.reason)
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=decision.request)], cursor=cursor)
    return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)


def _tick(context: dg.SensorEvaluationContext, platform: Platform) -> Decision:
    with platform.database(SHORT_SECONDS) as db:
        # The lease before the runs: a worker that is gone by now has written its last status already.
        lease = read_lease(db, STREAM_ROLE)
        now = datetime.now(UTC).timestamp()
        decision = decide(look(context.instance, db, lease, Memory.parse(context.cursor), now))
        for burial in decision.bury:
            _bury(context.instance, burial, lease)
        if decision.stop_because:
            set_intent(db, STREAM_ROLE, "stopped", by="Dagster UI", reason=decision.stop_because)
    return decision


def look(
    instance: dg.DagsterInstance, db: MongoDatabase, lease: LeaseState | None, memory: Memory, now: float
) -> Situation:
    """Everything the decision depends on. Raises UnavailableError."""
    intent = read_intent(db, STREAM_ROLE)
    filters = dg.RunsFilter(tags={LEASED_TAG: STREAM_ROLE})
    records = instance.get_run_records(filters, limit=RUNS_LOOKED_AT)
    return Situation(
        now=now,
        wanted=intent.desired == "running",
        intent_at=intent.at.timestamp() if intent.at else None,
        intent_text=f"{intent.by}: {intent.reason}",
        runs=tuple(_run_view(instance, record, memory) for record in records),
        lease=_lease_view(lease),
        memory=memory,
    )


def _run_view(instance: dg.DagsterInstance, record: dg.RunRecord, memory: Memory) -> RunView:
    run = record.dagster_run
    cancelled = run.status is dg.DagsterRunStatus.CANCELED and run.run_id != memory.handled_cancel
    unexplained = cancelled and STOPPED_BY_TAG not in run.tags and run.job_name == SUPERVISOR_JOB
    return RunView(
        run_id=run.run_id,
        status=run.status.value,
        created=record.create_timestamp.timestamp(),
        supervises=run.job_name == SUPERVISOR_JOB,
        started=record.start_time,
        ended=record.end_time,
        # A wish between the cancel and the end, which comes seconds later, is the newer one.
        cancel_asked=cancel_asked_at(instance, run.run_id) if unexplained else None,
        stopped_by=run.tags.get(STOPPED_BY_TAG),
        ended_by=run.tags.get(ENDED_BY_TAG),
    )


def _lease_view(lease: LeaseState | None) -> LeaseView | None:
    if lease is None or lease.owner is None:
        return None
    return LeaseView(lease.owner, lease.run_id, _worker(lease), -lease.left.total_seconds())


def _worker(lease: LeaseState) -> Worker:
    if lease.process is None:
        return Worker.ELSEWHERE
    if lease.process.is_gone():
        return Worker.GONE
    return Worker.ALIVE if identify(lease.process.pid) == lease.process else Worker.ELSEWHERE


def _bury(instance: dg.DagsterInstance, burial: Burial, lease: LeaseState | None) -> None:
    """Report a run as ended that cannot say so itself; a frozen worker is killed first, its child dies with it."""
    if burial.kill and lease is not None and lease.process is not None and identify(lease.process.pid) == lease.process:
        os.kill(lease.process.pid, signal.SIGKILL)
    run = instance.get_run_by_id(burial.run_id)
    if run is None or run.is_finished:
        return
    report_ended(instance, run, f"Ended by the sensor: {burial.reason}.")
