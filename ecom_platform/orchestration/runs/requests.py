"""Ask for a run, learn what became of it, wait longer after each failure, ask again under a new key.

Dagster never runs a key twice, also when the first run failed, so every request has a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import dagster as dg

from ecom_platform.orchestration.dagster_internals import find_runs
from ecom_platform.orchestration.names import REQUEST_TAG, STOPPED_BY_TAG
from ecom_platform.orchestration.sensor_state import Remembered, delay_seconds
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.loading import read_loading

FIRST_RETRY_SECONDS: Final = 60.0
LONGEST_RETRY_SECONDS: Final = 3600.0
# A daemon that was killed between the request and the run; the run normally exists within a second.
LOST_SECONDS: Final = 180.0
FAILURES_TO_ALARM: Final = 3
PRIORITY_TAG: Final = "dagster/priority"
MAX_RUNTIME_SECONDS: Final = 7_200

BATCH_TAGS: Final = {"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)}
ARCHIVE_FIRST: Final = {**BATCH_TAGS, PRIORITY_TAG: "1"}
"""Where several runs wait for the batch pool, those that make room in MongoDB go first."""


class Outcome(StrEnum):
    """What became of the runs of a request."""

    NONE = "none"
    """There is no such run (yet)."""
    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """By a person; the next one waits as long as after many failures."""
    STOPPED = "stopped"
    """By `ecom down`; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Asking(Remembered):
    """The requests of one sensor: number of the last one, whether it is still open, failures in a row since.

    It is a whole memory where a sensor remembers nothing else.
    """

    number: int = 0
    open: bool = False
    asked_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0

    @property
    def key(self) -> str:
        """The end of a run key; the time is in it because a cursor that was cleared counts from 1 again."""
        return f"{self.number}-{self.asked_at:.0f}"

    def after(self, outcome: Outcome, now: float) -> Asking:
        """The state once it is known what became of the last request."""
        if not self.open or outcome is Outcome.ACTIVE:
            return self
        closed = replace(self, open=False)
        if outcome is Outcome.NONE:
            return closed if now - self.asked_at >= LOST_SECONDS else self
        if outcome is Outcome.FAILED:
            wait = delay_seconds(self.failures + 1, FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS)
            return replace(closed, failures=self.failures + 1, not_before=now + wait)
        if outcome is Outcome.CANCELLED:
            return replace(closed, not_before=now + LONGEST_RETRY_SECONDS)
        if outcome is Outcome.SUCCEEDED:
            return replace(closed, failures=0, not_before=0.0)
        return closed

    def ask(self, now: float) -> Asking:
        """The state after one more request."""
        return replace(self, number=self.number + 1, open=True, asked_at=now)

    def pause(self, seconds: float, now: float) -> Asking:
        """The state that asks no earlier than so many seconds from now."""
        return replace(self, not_before=max(self.not_before, now + seconds))

    def waiting(self, now: float) -> str | None:
        """Why nothing may be asked for now, in words; None when it may."""
        if self.open:
            return f"request {self.number} is being worked on"
        if now < self.not_before:
            failed = f"{self.failures} runs in a row failed; " if self.failures else ""
            return f"{failed}the next one in {self.not_before - now:.0f} s"
        return None

    @property
    def alarming(self) -> bool:
        """So many failures in a row that a person should look."""
        return self.failures >= FAILURES_TO_ALARM


def outcome_of(instance: dg.DagsterInstance, key: str) -> Outcome:
    """The common outcome of all runs of a request: active while one is, failed when one failed."""
    runs = find_runs(instance, tags={REQUEST_TAG: key})
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


def history_is_loading(db: MongoDatabase) -> str | None:
    """How much is loaded, in words, while a history is being loaded; else None. Raises UnavailableError."""
    loading = read_loading(db)
    if loading is None:
        return None
    return f"{100 * loading.share:.0f} % of the history is loaded; batch work begins after it."
