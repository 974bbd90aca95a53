"""What is told about a finished archive run: a row per day in `orders_archive_summary`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from pyroaring import BitMap64

from ecom_platform.archive.layout import file_day
from ecom_platform.archive.plan import count_days
from ecom_platform.archive.policy import Policy
from ecom_platform.store.client import Document, MongoDatabase
from ecom_platform.store.manifests import ArchivedFile, Manifest, RunState


def files_by_day(files: Sequence[ArchivedFile]) -> dict[str, list[ArchivedFile]]:
    """The files of each UTC day."""
    days: dict[str, list[ArchivedFile]] = defaultdict(list)
    for file in files:
        days[file_day(file.path)].append(file)
    return dict(sorted(days.items()))


def summary_rows(db: MongoDatabase, manifest: Manifest, superseded: BitMap64, done_at: datetime) -> list[Document]:
    """One row per day of the run: bytes are of Parquet, seconds from the plan to the end, shared out by rows."""
    planned_at = manifest.times[str(RunState.PLANNED)]
    seconds = max((done_at - planned_at).total_seconds(), 0.001)
    counted = count_days(db, Policy.from_document(manifest.policy), manifest.days)
    left = {day.day: day.open_orders_left for day in counted}
    rows: list[Document] = []
    for day, files in files_by_day(manifest.files).items():
        count, size = sum(file.rows for file in files), sum(file.bytes for file in files)
        share = seconds * count / manifest.rows
        rows.append(
            {
                "_id": f"{manifest.run}/{day}",
                "run": manifest.run,
                "day": day,
                "rows": count,
                "bytes": size,
                "files": len(files),
                "seconds": round(share, 3),
                "mb_per_second": round(size / 1e6 / share, 3),
                "open_orders_left": left.get(day, 0),
                "superseded_in_run": len(superseded),
                "at": done_at,
            }
        )
    return rows
