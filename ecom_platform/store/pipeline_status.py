"""What Dagster last said of itself, for screens that have no way to ask it.

pipeline_status: {_id: "dagster", at, runs: [{run, job, status, started_at, ended_at, text}],
                  checks: [{asset, check, passed, severity, text, at}]}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import PIPELINE_STATUS

_ID: Final = "dagster"


@dataclass(frozen=True, slots=True)
class RunOfJob:
    """A run as Dagster has it; `status` in its words, times None until they come, `text` why it failed."""

    run: str
    job: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class CheckState:
    """The last verdict of a check; `severity` is WARN or ERROR."""

    asset: str
    check: str
    passed: bool
    severity: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """Runs newest first, checks by asset and name, as of `at`."""

    at: datetime
    runs: tuple[RunOfJob, ...]
    checks: tuple[CheckState, ...]


def write_pipeline_status(db: MongoDatabase, status: PipelineStatus) -> None:
    """Replace what was said before. Raises UnavailableError."""
    with mongo_errors("writing the pipeline's status"):
        db[PIPELINE_STATUS].replace_one({"_id": _ID}, asdict(status), upsert=True)


def read_pipeline_status(db: MongoDatabase) -> PipelineStatus | None:
    """What was said last; None: nothing yet. Raises UnavailableError."""
    with mongo_errors("reading the pipeline's status"):
        row = db[PIPELINE_STATUS].find_one({"_id": _ID})
    if row is None:
        return None
    runs = tuple(RunOfJob(**run) for run in row["runs"])
    return PipelineStatus(row["at"], runs, tuple(CheckState(**check) for check in row["checks"]))
