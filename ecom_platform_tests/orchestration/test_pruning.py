"""What is deleted of Dagster's history after a month, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from ecom_platform.orchestration.dagster_internals import delete_runless_rows, find_runs, last_evaluations
from ecom_platform.orchestration.pruning import old_runs, prune_history_job

SHELF = dg.AssetKey("shelf")
LATER = datetime.now(UTC) + timedelta(hours=1)


def write(instance: dg.DagsterInstance, *, rounds: int) -> None:
    """What two sensors write in some rounds: an observation and two checks of one asset."""
    for number in range(rounds):
        instance.report_runless_asset_event(dg.AssetObservation(SHELF, metadata={"round": number}))
        for check in ("is_full", "is_clean"):
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(asset_key=SHELF, check_name=check, passed=True, description=str(number))
            )


def rows(instance: dg.DagsterInstance) -> int:
    """Observations and evaluations, in all files that hold them."""
    return len(instance.all_logs("", of_type={dg.DagsterEventType.ASSET_OBSERVATION})) + len(
        instance.all_logs("", of_type={dg.DagsterEventType.ASSET_CHECK_EVALUATION})
    )


def test_old_rows_of_sensors_go_and_the_newest_of_each_stays(instance: dg.DagsterInstance) -> None:
    """The last verdict of a check and the last figures of an asset are what people look at."""
    instance.report_runless_asset_event(dg.AssetMaterialization(SHELF))
    write(instance, rounds=20)
    assert rows(instance) == 60

    assert delete_runless_rows(instance, LATER) >= 57
    assert delete_runless_rows(instance, LATER) == 0

    keys = [dg.AssetCheckKey(SHELF, check) for check in ("is_full", "is_clean")]
    verdicts = {key.name: found.description for key, (found, _) in last_evaluations(instance, keys).items()}
    assert verdicts == {"is_full": "19", "is_clean": "19"}
    (seen,) = instance.fetch_observations(SHELF, limit=10).records
    assert seen.asset_observation is not None
    assert seen.asset_observation.metadata["round"].value == 19
    assert len(instance.fetch_materializations(SHELF, limit=10).records) == 1
    assert rows(instance) <= 3


def test_rows_of_the_last_month_stay(instance: dg.DagsterInstance) -> None:
    """The job keeps thirty days unless the launchpad says otherwise."""
    write(instance, rounds=3)

    assert prune_history_job.execute_in_process(instance=instance).success
    assert rows(instance) == 9

    config = {"ops": {"prune_history": {"config": {"days": 0}}}}
    assert prune_history_job.execute_in_process(instance=instance, run_config=config).success
    assert rows(instance) <= 3


def test_old_runs_go_but_the_newest_and_those_at_work(instance: dg.DagsterInstance) -> None:
    """The newest supervisor run has the facts' last materialization; one that is not finished is somebody's work."""
    at_work = instance.create_run_for_job(prune_history_job, status=dg.DagsterRunStatus.STARTED).run_id
    old, newest = (
        instance.create_run_for_job(prune_history_job, status=dg.DagsterRunStatus.SUCCESS).run_id for _ in range(2)
    )

    assert [run.run_id for run in old_runs(instance, "prune_history_job", LATER)] == [old]
    assert old_runs(instance, "prune_history_job", datetime.now(UTC) - timedelta(days=1)) == []
    assert {run.run_id for run in find_runs(instance)} == {at_work, old, newest}
