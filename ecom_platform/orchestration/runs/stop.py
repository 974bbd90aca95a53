"""End every run of an instance on purpose, while its code server still lives to pass the word on."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final

import dagster as dg

from ecom_platform.orchestration.names import STOPPED_BY_TAG
from ecom_platform.orchestration.runs.recovery import NOT_FINISHED

LOG = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.3


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
    runs = [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED)))]
    for run_id in runs:
        instance.add_run_tags(run_id, {STOPPED_BY_TAG: by})
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
        instance.run_coordinator.cancel_run(run_id)
    except dg.DagsterError as error:
        # It was marked before the code server was asked, so the worker will find out.
        LOG.warning("The code server did not take the cancel of run %s: %s", run_id, error)


def _finished(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
