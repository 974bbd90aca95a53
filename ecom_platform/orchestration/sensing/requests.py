"""What became of the runs that a sensor asked for, and runs of the batch pool as they are requested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dagster as dg

from ecom_platform.orchestration.names import REQUEST_TAG, STOPPED_BY_TAG
from ecom_platform.orchestration.sensing.run_requests import Outcome

PRIORITY_TAG: Final = "dagster/priority"
MAX_RUNTIME_SECONDS: Final = 7_200

BATCH_TAGS: Final = {"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)}
ARCHIVE_FIRST: Final = {**BATCH_TAGS, PRIORITY_TAG: "1"}
"""Where several runs wait for the batch pool, those that make room in MongoDB go first."""


def outcome_of(instance: dg.DagsterInstance, key: str) -> Outcome:
    """The common outcome of all runs of a request: active while one is, failed when one failed."""
    runs = instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: key}))
    if not runs:
        return Outcome.NONE
    if not all(run.is_finished for run in runs):
        return Outcome.ACTIVE
    bad = [run for run in runs if run.status is not dg.DagsterRunStatus.SUCCESS]
    if not bad:
        return Outcome.SUCCEEDED
    if all(STOPPED_BY_TAG in run.tags for run in bad):
        return Outcome.STOPPED
    if any(run.status is dg.DagsterRunStatus.FAILURE for run in bad):
        return Outcome.FAILED
    return Outcome.CANCELLED


def run_request(
    key: str, tags: Mapping[str, str] | None = None, *, part: str = "", job: str | None = None
) -> dg.RunRequest:
    """One run of the request `key`; `part` tells apart several runs of the same request."""
    return dg.RunRequest(run_key=f"{key} {part}".strip(), job_name=job, tags={REQUEST_TAG: key, **(tags or {})})
