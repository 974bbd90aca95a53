"""Archive runs as Dagster shows them: a materialization and a check evaluation for every day a run touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from ecom_platform.orchestration.names import ARCHIVE_CHECK
from ecom_platform.orchestration.tables import ARCHIVE_KEY
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors, storage_stats

if TYPE_CHECKING:
    from ecom_platform.store.manifests import Manifest

DAYS_SHOWN: Final = 20


def materializations(db: MongoDatabase, manifest: Manifest) -> Iterator[dg.AssetMaterialization]:
    """One event per day of a committed run. Raises UnavailableError."""
    from ecom_platform.archive.plan import count_days
    from ecom_platform.archive.policy import Policy
    from ecom_platform.archive.summary import files_by_day

    counted = count_days(db, Policy.from_document(manifest.policy), manifest.days)
    left = {day.day: day.open_orders_left for day in counted}
    for day, files in files_by_day(manifest.files).items():
        yield dg.AssetMaterialization(
            ARCHIVE_KEY,
            partition=day,
            metadata={
                "run": dg.MetadataValue.text(manifest.run),
                "dagster/partition_row_count": dg.MetadataValue.int(sum(file.rows for file in files)),
                "bytes": dg.MetadataValue.int(sum(file.bytes for file in files)),
                "files": dg.MetadataValue.int(len(files)),
                "open_orders_left": dg.MetadataValue.int(left.get(day, 0)),
                "path": dg.MetadataValue.path(files[0].path.partition("/")[0]),
            },
        )


def verdicts(manifests: Iterable[Manifest]) -> Iterator[dg.AssetCheckEvaluation]:
    """One evaluation per day of each run that was checked."""
    from ecom_platform.archive.summary import files_by_day

    for manifest in manifests:
        if manifest.verdict is None:
            continue
        for day, files in files_by_day(manifest.files).items():
            yield dg.AssetCheckEvaluation(
                asset_key=ARCHIVE_KEY,
                check_name=ARCHIVE_CHECK,
                passed=manifest.verdict.passed,
                partition=day,
                description=manifest.verdict.text,
                blocking=True,
                metadata={
                    "run": dg.MetadataValue.text(manifest.run),
                    "rows": dg.MetadataValue.int(sum(file.rows for file in files)),
                    "bytes": dg.MetadataValue.int(sum(file.bytes for file in files)),
                },
            )


def size_of_orders(db: MongoDatabase) -> int:
    """Bytes of the orders' documents. Raises UnavailableError."""
    with mongo_errors("measuring the orders"):
        return int(storage_stats(db, names.ORDERS).get("size", 0))


def summary_metadata(db: MongoDatabase) -> dict[str, Any]:
    """Totals over all archive runs, and the last days. Raises UnavailableError."""
    with mongo_errors("reading the summary of the archive"):
        rows = list(db[names.ORDERS_ARCHIVE_SUMMARY].find({}).sort("_id", -1))
    seconds = sum(row["seconds"] for row in rows)
    size = sum(row["bytes"] for row in rows)
    lines = [
        f"| {row['run']} | {row['day']} | {row['rows']:,} | {row['bytes']:,} | {row['files']} | {row['seconds']:.1f} |"
        for row in rows[:DAYS_SHOWN]
    ]
    table = "\n".join(["| run | day | rows | bytes | files | seconds |", "|---|---|---|---|---|---|", *lines])
    return {
        "dagster/row_count": dg.MetadataValue.int(len(rows)),
        "archived_orders": dg.MetadataValue.int(sum(row["rows"] for row in rows)),
        "archived_bytes": dg.MetadataValue.int(size),
        "mb_per_second": dg.MetadataValue.float(round(size / 1e6 / seconds, 2) if seconds else 0.0),
        "last_days": dg.MetadataValue.md(table),
    }
