"""The long-running job that supervises the stream, and its intervals."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from typing import Final

import dagster as dg

from ecom_platform.errors import Fenced
from ecom_platform.orchestration.dagster_internals import tag_run
from ecom_platform.orchestration.names import (
    ENDED_BY_TAG,
    LEASED_TAG,
    SUPERVISOR_POOL,
)
from ecom_platform.orchestration.resources import Platform, StreamLauncher
from ecom_platform.orchestration.runs.ending import run_ending
from ecom_platform.orchestration.supervision.supervisor import Ending, Outcome, StreamSupervisor, SupervisorPace
from ecom_platform.orchestration.supervision.world import RealWorld, patient_database, take_lease
from ecom_platform.store.desired_state import set_intent
from ecom_platform.store.leases import STREAM_ROLE

# The run ends itself after 7 days; the monitor is only for one that does not.
MAX_RUNTIME_SECONDS: Final = 8 * 86_400
SUPERVISOR_JOB: Final = "streaming_supervisor_job"
SENSOR_TAG: Final = "dagster/sensor_name"


@dg.op(pool=SUPERVISOR_POOL, description="Keep one streaming job alive until it is no longer wanted.")
def supervise_order_stream(
    context: dg.OpExecutionContext, platform: Platform, launcher: StreamLauncher, supervisor_pace: SupervisorPace
) -> None:
    """Hold the stream's lease and keep one child under it; see `supervisor.StreamSupervisor`.

    The run succeeds when the stream is no longer wanted or the code is new, fails when a person must act.
    """
    try:
        outcome = _supervise(context, platform, launcher, supervisor_pace)
    except BaseException as error:
        _tag_ending(context, Ending.INTERRUPTED if _interrupted(context, error) else Ending.CRASHED)
        raise
    _tag_ending(context, outcome.ending)
    context.log.info("The supervisor ends (%s): %s", outcome.ending.value, outcome.reason)
    if outcome.ending is Ending.CANCELLED:
        raise dg.DagsterExecutionInterruptedError(outcome.reason)
    if outcome.ending in (Ending.FENCED, Ending.NEEDS_PERSON):
        raise _failure(outcome)


def _supervise(
    context: dg.OpExecutionContext, platform: Platform, launcher: StreamLauncher, pace: SupervisorPace
) -> Outcome:
    with patient_database(context, platform) as db:
        if SENSOR_TAG not in context.run.tags:
            # Otherwise only a person launches this job, who thereby wants the stream to run.
            set_intent(db, STREAM_ROLE, "running", by="Dagster UI", reason=f"run {context.run_id[:8]} was launched")
        try:
            lease = take_lease(context, db, pace.lease_seconds)
        except Fenced as error:
            return Outcome(Ending.FENCED, str(error))
        context.log.info("Took the lease of the stream, token %d.", lease.token)
        world = RealWorld(context, platform.settings(), db, lease, launcher)
        return StreamSupervisor(world, pace).run()


def _interrupted(context: dg.OpExecutionContext, error: BaseException) -> bool:
    """A cancel may also come out of a driver call as that driver's own error: the run's status tells."""
    interrupts = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)
    return isinstance(error, interrupts) or run_ending(context) is not None


def _tag_ending(context: dg.OpExecutionContext, ending: Ending) -> None:
    tag_run(context.instance, context.run_id, {ENDED_BY_TAG: ending.value})


def _failure(outcome: Outcome) -> dg.Failure:
    log = "\n".join(outcome.log[-50:]) or "(no output)"
    return dg.Failure(
        description=outcome.reason,
        metadata={
            "restarts": dg.MetadataValue.int(outcome.restarts),
            "log": dg.MetadataValue.md(f"```\n{log}\n```"),
        },
        allow_retries=False,
    )


@dg.job(
    name=SUPERVISOR_JOB,
    description="One long run that keeps the stream alive. Cancel it to stop the stream, launch it to start it again.",
    executor_def=dg.in_process_executor,
    # The run's own pool keeps a second one queued. No retries by Dagster: the sensor starts the next run.
    tags={LEASED_TAG: STREAM_ROLE, "dagster/max_retries": "0", "dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
)
def streaming_supervisor_job() -> None:
    """The supervisor's job."""
    supervise_order_stream()
