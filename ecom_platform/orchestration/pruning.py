"""Dagster's history is kept for a month: what sensors wrote outside of runs, and runs that made no partition."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from ecom_platform.orchestration.dagster_internals import delete_runless_rows, find_runs
from ecom_platform.orchestration.names import REHYDRATION_JOB
from ecom_platform.orchestration.supervision.jobs import SUPERVISOR_JOB

KEEP_DAYS: Final = 30
FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
PRUNE_JOB: Final = "prune_history_job"
# Not those of the archive and the KPIs: that a day was materialized is known from its run only.
PRUNED_JOBS: Final = (SUPERVISOR_JOB, REHYDRATION_JOB, PRUNE_JOB)
CRON: Final = "15 3 * * *"


class Keep(dg.Config):
    """How much stays."""

    days: int = KEEP_DAYS


@dg.op(description="Delete what is older than `days` from Dagster's storage; the newest of everything stays.")
def prune_history(context: dg.OpExecutionContext, config: Keep) -> None:
    """Rows of sensors first, then runs with everything that they logged; safe to repeat."""
    before = datetime.now(UTC) - timedelta(days=config.days)
    rows = delete_runless_rows(context.instance, before)
    runs = [run for job in PRUNED_JOBS for run in old_runs(context.instance, job, before)]
    for run in runs:
        context.instance.delete_run(run.run_id)
    context.log.info("Deleted %d rows and %d runs of before %s.", rows, len(runs), f"{before:%Y-%m-%d %H:%M} UTC")
    context.add_output_metadata({"rows": dg.MetadataValue.int(rows), "runs": dg.MetadataValue.int(len(runs))})


def old_runs(instance: dg.DagsterInstance, job: str, before: datetime) -> list[dg.DagsterRun]:
    """Finished runs of a job that were created before an instant, its newest run excepted."""
    newest = {run.run_id for run in find_runs(instance, job=job)[:1]}
    found = find_runs(instance, job=job, statuses=FINISHED, created_before=before)
    return [run for run in found if run.run_id not in newest]


@dg.job(
    name=PRUNE_JOB,
    description="Deletes from Dagster's storage what sensors wrote, and runs that made no partition, after a month.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "1800"},
)
def prune_history_job() -> None:
    """One step."""
    prune_history()


@dg.schedule(
    job=prune_history_job,
    cron_schedule=CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Once a day, so that Dagster's storage stops growing after a month.",
)
def prune_history_schedule() -> dg.RunRequest:
    """Always."""
    return dg.RunRequest()
