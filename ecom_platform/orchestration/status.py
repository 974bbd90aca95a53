"""What people are told of Dagster: why a run failed, and on the dashboard the last runs and checks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.orchestration.dagster_internals import last_evaluations, tag_run
from ecom_platform.orchestration.names import FAILURE_TAG
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.store.pipeline_status import CheckState, PipelineStatus, RunOfJob, write_pipeline_status

INTERVAL_SECONDS: Final = 30
MOST_RUNS: Final = 20
LONGEST_TEXT: Final = 500


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes the last runs and the last verdict of every check to MongoDB, where the dashboard reads them.",
)
def pipeline_status_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SkipReason:
    """One copy of what Dagster knows; one that fails is made up for by the next."""
    repository = context.repository_def
    keys = repository.asset_graph.asset_check_keys if repository else ()
    status = PipelineStatus(datetime.now(UTC), last_runs(context.instance), last_checks(context.instance, keys))
    try:
        with platform.database(SHORT_SECONDS) as db:
            write_pipeline_status(db, status)
    except (ConfigurationError, UnavailableError) as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason(f"{len(status.runs)} runs and {len(status.checks)} checks were written for the dashboard.")


@dg.run_failure_sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tags a failed run with what its error said: for the list of runs, and for the dashboard.",
)
def run_failure_sensor(context: dg.RunFailureSensorContext) -> None:
    """One failed run."""
    tag_run(context.instance, context.dagster_run.run_id, {FAILURE_TAG: why_failed(context)})


def why_failed(context: dg.RunFailureSensorContext) -> str:
    """What the first failed step said; else what was reported about the run, as of a worker that is gone."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return _shortened(data.user_failure_data.description)
        if data.error is not None:
            # Dagster wraps what the step raised.
            return _shortened((data.error.cause or data.error).message)
    return _shortened(context.failure_event.message or "It did not say why.")


def last_runs(instance: dg.DagsterInstance) -> tuple[RunOfJob, ...]:
    """The newest runs first."""
    return tuple(
        RunOfJob(
            record.dagster_run.run_id,
            record.dagster_run.job_name,
            record.dagster_run.status.value,
            _instant(record.start_time),
            _instant(record.end_time),
            record.dagster_run.tags.get(FAILURE_TAG, ""),
        )
        for record in instance.get_run_records(limit=MOST_RUNS)
    )


def last_checks(instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]) -> tuple[CheckState, ...]:
    """The last verdict of each check that was evaluated at all."""
    states = [
        CheckState(
            key.asset_key.to_user_string(),
            key.name,
            evaluation.passed,
            evaluation.severity.value,
            evaluation.description or "",
            datetime.fromtimestamp(at, UTC),
        )
        for key, (evaluation, at) in last_evaluations(instance, keys).items()
    ]
    return tuple(sorted(states, key=lambda state: (state.asset, state.check)))


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
