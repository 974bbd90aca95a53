"""Runs ended from outside: those whose worker is gone, and all of an instance on purpose."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final

import dagster as dg
import psutil

from ecom_platform.orchestration.dagster_internals import (
    cancel_run,
    find_runs,
    report_ended,
    tag_run,
    worker_pid,
    workers_are_processes_here,
)
from ecom_platform.orchestration.names import STOPPED_BY_TAG
from ecom_platform.store.leases import LeaseState

LOG = logging.getLogger(__name__)

# A queued run has no worker yet: the daemon will launch it, or its sensor asks for another.
AT_WORK: Final = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
WORKED_ON: Final = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, *AT_WORK)
NOT_FINISHED: Final = (dg.DagsterRunStatus.QUEUED, *WORKED_ON)

# The start time of a process comes from the kernel's ticks, that of an event from the clock.
CLOCK_SLACK_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.3


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report every run without a living worker as failed (as cancelled, if that was under way); returns their ids.

    Call it while no code server of this instance runs: a run that is just being launched would look dead.
    """
    ended = []
    for run in find_runs(instance, statuses=WORKED_ON):
        if _worker_lives(instance, run.run_id):
            continue
        report_ended(instance, run, "Ended at the next start: its worker process is gone.")
        ended.append(run.run_id)
    return ended


def fail_dead_holder(instance: dg.DagsterInstance, lease: LeaseState | None) -> str | None:
    """Report the run that holds a lease as failed when its process is gone from this machine; returns its id.

    Its place in a pool is then free within a minute instead of at the end of its longest runtime.
    """
    if lease is None or lease.run_id is None or lease.process is None or not lease.process.is_gone():
        return None
    run = instance.get_run_by_id(lease.run_id)
    if lease.owner is None or run is None or run.is_finished:
        return None
    report_ended(instance, run, "Ended by the sensor: its worker process is gone.")
    return run.run_id


def fail_workerless(instance: dg.DagsterInstance, job_name: str) -> list[str]:
    """Report runs of a job as failed whose worker process is gone; returns their ids.

    For jobs that hold no lease: a run whose worker died together with its code server keeps its place in the pool for
    hours otherwise. Call it where the workers run, that is in the code server; with a launcher that puts them somewhere
    else it does nothing.
    """
    if not workers_are_processes_here(instance):
        return []
    ended = []
    for started in find_runs(instance, job=job_name, statuses=AT_WORK):
        if worker_pid(instance, started.run_id) is None or _worker_lives(instance, started.run_id):
            continue
        # Its last word may have been written between the two looks.
        run = instance.get_run_by_id(started.run_id)
        if run is not None and not run.is_finished:
            report_ended(instance, run, "Ended by the sensor: its worker process is gone.")
            ended.append(run.run_id)
    return ended


def _worker_lives(instance: dg.DagsterInstance, run_id: str) -> bool:
    found = worker_pid(instance, run_id)
    if found is None:
        return False
    pid, reported = found
    try:
        worker = psutil.Process(pid)
        # A process that began after the report only has the same number.
        return worker.status() != psutil.STATUS_ZOMBIE and worker.create_time() <= reported + CLOCK_SLACK_SECONDS
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True, slots=True)
class Stopped:
    """Ids of the runs that ended, and of those that had not when the time was up."""

    ended: tuple[str, ...]
    left: tuple[str, ...]


def stop_runs(instance: dg.DagsterInstance, by: str, timeout_seconds: float = 30.0) -> Stopped:
    """Tag and cancel every unfinished run, and wait for their workers.

    Record first that the stream is meant to be stopped, or its sensor asks for the next run. The tag comes before the
    cancel: a cancelled run without it means that a person wants the stream stopped. A run whose code
    server does not answer is marked as cancelling all the same; its worker looks at that mark every few seconds.
    """
    runs = [run.run_id for run in find_runs(instance, statuses=NOT_FINISHED)]
    for run_id in runs:
        tag_run(instance, run_id, {STOPPED_BY_TAG: by})
    for run_id in runs:
        _cancel(instance, run_id)
    left, deadline = tuple(runs), time.monotonic() + timeout_seconds
    while left := tuple(run_id for run_id in left if not _finished(instance, run_id)):
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return Stopped(tuple(run_id for run_id in runs if run_id not in left), left)


def _cancel(instance: dg.DagsterInstance, run_id: str) -> None:
    try:
        cancel_run(instance, run_id)
    except dg.DagsterError as error:
        # It was marked before the code server was asked, so the worker will find out.
        LOG.warning("The code server did not take the cancel of run %s: %s", run_id, error)


def _finished(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
