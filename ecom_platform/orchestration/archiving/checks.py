"""The checks around the archive: its files are what MongoDB holds, and MongoDB does not grow beyond bounds."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from collections.abc import Callable
from typing import Any

import dagster as dg

from ecom_platform.orchestration.archiving.archiver import archiver_of
from ecom_platform.orchestration.archiving.events import size_of_orders, verdicts
from ecom_platform.orchestration.names import ARCHIVE_CHECK, BATCH_POOL, SIZE_CHECK
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.runs.batch import Batch
from ecom_platform.orchestration.tables import ARCHIVE_KEY, fact_key


@dg.asset_check(
    asset=ARCHIVE_KEY,
    name=ARCHIVE_CHECK,
    description="An independent reading of the published files, before anything is deleted: bytes, rows, ids, amounts, "
    "and a sample of whole orders against MongoDB. The verdict decides whether the purge may delete.",
    pool=BATCH_POOL,
)
def published_files_match(
    context: dg.AssetCheckExecutionContext, archive_platform: Platform, batch: Batch
) -> dg.AssetCheckResult:
    """Check every committed run that has no verdict yet, whoever made it; a run that fails is revoked."""
    from ecom_platform.archive.run import check_committed

    batch.be_nice()
    with archiver_of(context.op_execution_context, archive_platform) as archiver:
        checked = check_committed(archiver)
    log: Callable[[Any], None] = context.op_execution_context.log_event  # it takes evaluations, its types do not say so
    for event in verdicts(checked):
        log(event)
    texts = {manifest.run: manifest.verdict.text for manifest in checked if manifest.verdict}
    passed = all(manifest.verdict and manifest.verdict.passed for manifest in checked)
    return dg.AssetCheckResult(
        passed=passed,
        description="; ".join(f"{run}: {text}" for run, text in texts.items()) or "Every committed run has a verdict.",
        metadata={"runs": dg.MetadataValue.int(len(checked))},
    )


@dg.asset_check(
    asset=fact_key("orders"),
    name=SIZE_CHECK,
    description="The orders in MongoDB stay below the size at which archiving begins, or archiving is at work.",
)
def size_within_bounds(platform: Platform) -> dg.AssetCheckResult:
    """One measurement, without the sensor's patience for a run that is about to shrink it."""
    high = platform.settings().archive_high_bytes
    with platform.database() as db:
        size = size_of_orders(db)
    return dg.AssetCheckResult(
        passed=size < high,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{size / 1e6:,.1f} MB of orders; archiving begins at {high / 1e6:,.1f} MB.",
        metadata={"orders_bytes": dg.MetadataValue.int(size)},
    )
