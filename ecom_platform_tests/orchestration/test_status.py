"""What the dashboard is told of Dagster's runs and checks."""

from __future__ import annotations

import dagster as dg

from ecom_platform.errors import UnavailableError
from ecom_platform.orchestration.status import last_checks, last_runs, pipeline_status_sensor, run_failure_sensor
from ecom_platform.store import MongoDatabase
from ecom_platform.store.pipeline_status import read_pipeline_status
from ecom_platform_tests.orchestration.daemon import one_tick
from ecom_platform_tests.orchestration.samples import is_full, shelf


@dg.asset_check(asset=shelf)
def never_evaluated() -> dg.AssetCheckResult:
    """A check that nobody has run."""
    return dg.AssetCheckResult(passed=True)


def test_checks_are_told_with_their_last_verdict() -> None:
    """One that was never evaluated has none, which is not a pass."""
    definitions = dg.Definitions(assets=[shelf], asset_checks=[is_full, never_evaluated])
    keys = definitions.get_repository_def().asset_graph.asset_check_keys
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([shelf, is_full], instance=instance)
        (state,) = last_checks(instance, keys)

    assert (state.asset, state.check, state.passed) == ("shelf", "is_full", False)
    assert (state.severity, state.text) == ("WARN", "Two units are missing.")


@dg.op
def says_what_to_do() -> None:
    """The text that a person needs."""
    raise dg.Failure("The archive is not reachable.\nRun `ecom up`.")


@dg.op
def raises() -> None:
    """An error with a cause."""
    raise UnavailableError("MongoDB does not answer.") from TimeoutError("5 s")


@dg.job
def told_by_failure() -> None:
    """One step."""
    says_what_to_do()


@dg.job
def told_by_error() -> None:
    """One step."""
    raises()


def test_a_failed_run_says_why_in_the_list_of_runs() -> None:
    """Its step's own words; of a worker that died, what was reported in its place. An earlier failure is not told."""
    with dg.DagsterInstance.ephemeral() as instance:
        told_by_error.execute_in_process(instance=instance, raise_on_error=False)
        with dg.build_sensor_context(instance) as context:
            cursor = run_failure_sensor.evaluate_tick(context).cursor
        told_by_failure.execute_in_process(instance=instance, raise_on_error=False)
        told_by_error.execute_in_process(instance=instance, raise_on_error=False)
        killed = instance.create_run_for_job(told_by_error, status=dg.DagsterRunStatus.STARTED)
        instance.report_run_failed(killed, "Ended by the sensor: its worker process is gone.")
        for _ in range(3):
            with dg.build_sensor_context(instance, cursor=cursor) as context:
                cursor = run_failure_sensor.evaluate_tick(context).cursor
        texts = [run.text for run in last_runs(instance)]

    assert texts == [
        "Ended by the sensor: its worker process is gone.",
        "ecom_platform.errors.UnavailableError: MongoDB does not answer.",
        "The archive is not reachable. Run `ecom up`.",
        "",
    ]


def test_a_tick_writes_the_last_runs_first_and_launches_none(db: MongoDatabase, own_environment: None) -> None:
    """Each tick replaces what the one before has written."""
    assert read_pipeline_status(db) is None
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.materialize([shelf], instance=instance).run_id
        one_tick(pipeline_status_sensor, instance)
        second = dg.materialize([shelf], instance=instance).run_id
        data = one_tick(pipeline_status_sensor, instance)
    status = read_pipeline_status(db)

    assert not data.run_requests
    assert status is not None
    assert [(run.run, run.status) for run in status.runs] == [(second, "SUCCESS"), (first, "SUCCESS")]
    assert all(run.started_at and run.ended_at and run.started_at <= run.ended_at <= status.at for run in status.runs)
