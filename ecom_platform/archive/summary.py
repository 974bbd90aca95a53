"""What is told about a finished run: a row per day in `orders_archive_summary`, and its manifest as JSON in HDFS."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pyroaring import BitMap64

from ecom_platform.archive.files import write_bytes
from ecom_platform.archive.layout import ROOT, manifest_copy
from ecom_platform.archive.plan import count_days
from ecom_platform.archive.policy import Policy
from ecom_platform.store.client import Document, MongoDatabase
from ecom_platform.store.manifests import ArchivedFile, Manifest, RunState

__all__ = ["files_by_day", "manifest_json", "summary_rows", "write_copy"]


def files_by_day(files: Sequence[ArchivedFile]) -> dict[str, list[ArchivedFile]]:
    """The files of each UTC day."""
    days: dict[str, list[ArchivedFile]] = defaultdict(list)
    for file in files:
        days[file.path.partition("/")[0].removeprefix("order_date=")].append(file)
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


def write_copy(client: Any, manifest: Manifest, superseded: BitMap64, done_at: datetime) -> None:
    """Copy the manifest, as it is when the run is done, to HDFS: the archive then describes itself."""
    write_bytes(client, manifest_copy(manifest.run), manifest_json(manifest, superseded, done_at))


def manifest_json(manifest: Manifest, superseded: BitMap64, done_at: datetime) -> bytes:
    """The manifest for readers that know only HDFS; orders in `superseded` do not count from its files."""
    times = {**manifest.times, str(RunState.DONE): done_at}
    document = {
        "run": manifest.run,
        "kind": manifest.kind,
        "state": str(RunState.DONE),
        "days": manifest.days,
        "policy": {name: _plain(value) for name, value in manifest.policy.items()},
        "frontier": {"topic_id": manifest.frontier.topic_id, "next": dict(manifest.frontier.next)},
        "rows": manifest.rows,
        "checksum": manifest.checksum,
        "files": [
            {"path": f"{ROOT}/{file.path}", "bytes": file.bytes, "rows": file.rows, "sha256": file.checksum}
            for file in manifest.files
        ],
        "superseded": list(superseded),
        "verdict": {"passed": manifest.verdict.passed, "text": manifest.verdict.text} if manifest.verdict else None,
        "times": {name: _plain(value) for name, value in times.items()},
    }
    return json.dumps(document, indent=1).encode()


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
