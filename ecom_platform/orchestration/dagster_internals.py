"""Everything used of Dagster that it does not call public: what its next minor version may change.

A test holds the rest of orchestration to Dagster's public interface, and these functions to a real instance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg


def create_tables(instance: dg.DagsterInstance) -> None:
    """Use each storage once: it creates its own tables then."""
    instance.get_runs(limit=1)
    instance.get_asset_keys(limit=1)
    instance.all_instigator_state()
    instance.get_daemon_statuses()


def find_runs(
    instance: dg.DagsterInstance,
    *,
    job: str | None = None,
    statuses: Collection[dg.DagsterRunStatus] = (),
    tags: Mapping[str, str] | None = None,
    created_before: datetime | None = None,
) -> list[dg.DagsterRun]:
    """Runs, the newest first. The records are public, their filter's parameters are not."""
    filters = dg.RunsFilter(job_name=job, statuses=list(statuses), tags=dict(tags or {}), created_before=created_before)
    return [record.dagster_run for record in instance.get_run_records(filters)]


def tag_run(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Add tags to a run in any status."""
    instance.add_run_tags(run_id, dict(tags))


def cancel_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Mark a run as cancelling and ask the code server to interrupt its worker.

    Raises:
        DagsterError: the code server does not answer; the mark is there.
    """
    instance.run_coordinator.cancel_run(run_id)


def report_ended(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str) -> None:
    """Report a run that cannot say so itself as cancelled, if that was under way, else as failed."""
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
    else:
        instance.report_run_failed(run, reason)


def workers_are_processes_here(instance: dg.DagsterInstance) -> bool:
    """Whether the code server starts the workers as its own child processes."""
    return isinstance(instance.run_launcher, dg.DefaultRunLauncher)


def worker_pid(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """The process that reported itself as the worker of a run, and when (seconds since 1970)."""
    for entry in reversed(instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)):
        event = entry.dagster_event
        for name, value in (event.engine_event_data.metadata if event else {}).items():
            if name == "pid":
                return int(str(value.value)), entry.timestamp
    return None


def cancel_asked_at(instance: dg.DagsterInstance, run_id: str) -> float | None:
    """When a run was cancelled, seconds since 1970: seconds before it ended."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.PIPELINE_CANCELING)
    return min((entry.timestamp for entry in entries), default=None)


def last_evaluations(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]
) -> dict[dg.AssetCheckKey, tuple[dg.AssetCheckEvaluation, float]]:
    """The last evaluation of each check that has one, and when it was written (seconds since 1970)."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    return {
        key: (record.evaluation, record.create_timestamp)
        for key, record in records.items()
        if isinstance(record.evaluation, dg.AssetCheckEvaluation)  # not one that is only planned
    }


def delete_runless_rows(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete observations and check evaluations that sensors wrote before an instant; returns how many there were.

    The newest of each asset and of each check stays, and so does every materialization.
    """
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
    from sqlalchemy import func, select

    storage: Any = instance.event_log_storage
    rows, checks = SqlEventLogStorageTable, AssetCheckExecutionsTable
    at = before.astimezone(UTC).replace(tzinfo=None)
    kinds = [dg.DagsterEventType.ASSET_OBSERVATION.value, dg.DagsterEventType.ASSET_CHECK_EVALUATION.value]
    newest = (
        select(func.max(rows.c.id)).where(rows.c.run_id == "").group_by(rows.c.asset_key, rows.c.dagster_event_type)
    )
    old = (rows.c.run_id == "") & rows.c.dagster_event_type.in_(kinds) & (rows.c.timestamp < at)
    # SQLite has each of them twice: in a file of the runs and in one that is asked about assets.
    with storage.run_connection("") as connection:
        connection.execute(rows.delete().where(old & rows.c.id.not_in(newest)))
    with storage.index_connection() as connection:
        deleted = connection.execute(rows.delete().where(old & rows.c.id.not_in(newest))).rowcount
        newest = select(func.max(checks.c.id)).group_by(checks.c.asset_key, checks.c.check_name, checks.c.partition)
        old = (checks.c.run_id == "") & (checks.c.evaluation_event_timestamp < at)
        connection.execute(checks.delete().where(old & checks.c.id.not_in(newest)))
    return int(deleted)
