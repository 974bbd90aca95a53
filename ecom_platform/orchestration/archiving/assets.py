"""The archive as assets, under the archiver's lease, and the check of MongoDB's size."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from ecom_platform.errors import NeedsPerson
from ecom_platform.orchestration.archiving.events import materializations, size_of_orders, summary_metadata, verdicts
from ecom_platform.orchestration.names import ARCHIVE_CHECK, BATCH_POOL, OWNER, SIZE_CHECK
from ecom_platform.orchestration.resources import Batch, Platform
from ecom_platform.orchestration.runs.ending import end_if_asked, owner_of
from ecom_platform.orchestration.runs.partitions import archive_days
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY, column_metadata, fact_key

if TYPE_CHECKING:
    from ecom_platform.archive.archiver_lease import Archiver

# Whether the run was cancelled stands in Dagster's storage, and a purge reports progress many times a second.
LOOK_SECONDS: Final = 2.0


@contextmanager
def archiver_of(context: dg.OpExecutionContext, platform: Platform) -> Iterator["Archiver"]:
    """Hold the archiver's role for this run; its steps are logged, and a cancelled run ends between two of them.

    Raises Fenced, UnavailableError, ConfigurationError as `held_archiver`.
    """
    from ecom_platform.archive.archiver_lease import held_archiver

    looked = 0.0

    def progress(step: str, done: int, total: int) -> None:
        nonlocal looked
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            end_if_asked(context)
        if done >= total:
            context.log.info("The archive run is %s.", step)

    with (
        platform.database() as db,
        held_archiver(
            platform.settings(), db, owner=owner_of(context), run_id=context.run_id, progress=progress
        ) as archiver,
    ):
        yield archiver


# Once a day, with room for a day on which a laptop was off for a while.
FRESHNESS: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))

_ARCHIVE_TEXT: Final = (
    "Closed orders that are old enough, as Snappy Parquet in HDFS, one folder per day.\n\n"
    "**Grain:** one order with its items, its delivery and the delivery's history, nested. **Source:** `orders` in "
    "MongoDB. **Consumer:** every answer over more than the hot days, through the manifests. **When it fails:** "
    "nothing has left MongoDB; the next run resumes where this one ended. A day is touched by several runs, because "
    "its last orders are closed weeks later: only days that a run took orders from are materialized by it."
)
_PURGE_TEXT: Final = (
    "Deletes from MongoDB what committed archive runs hold, by number and version: an order that changed since it was "
    "copied stays.\n\n"
    "**Grain:** one archive run. **Source:** the manifests. **Consumer:** the size of `orders`. **When it fails:** "
    "orders are in both places and count once, from MongoDB; materialize it again. A run is committed only after its "
    "files passed their check."
)
_CHECK_TEXT: Final = (
    "An independent reading of the published files, before they count: bytes, rows, ids, amounts, and a sample of "
    "whole orders against MongoDB. The archive run does it and logs one evaluation per day that it touched."
)
_SUMMARY_TEXT: Final = (
    "What the archive runs did.\n\n"
    "**Grain:** one archive run and day. **Source:** the runs, at their end. **Consumer:** people. "
    "**When it fails:** the row is written with the end of its run, so it cannot be missing; materialize it again."
)


@dg.multi_asset(
    name="orders_archive",
    specs=[
        dg.AssetSpec(
            ARCHIVE_KEY,
            group_name="archive",
            kinds={"hdfs", "parquet", "spark"},
            owners=[OWNER],
            deps=[fact_key("orders")],
            description=_ARCHIVE_TEXT,
            metadata=column_metadata("orders_archive"),
            partitions_def=archive_days(),
            freshness_policy=FRESHNESS,
        )
    ],
    check_specs=[dg.AssetCheckSpec(ARCHIVE_CHECK, asset=ARCHIVE_KEY, blocking=True, description=_CHECK_TEXT)],
    # No output is demanded: of the range of a run only days it took orders from become green.
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=BATCH_POOL,
)
def orders_archive(context: dg.AssetExecutionContext, archive_platform: Platform, batch: Batch) -> Iterator[Any]:
    """Finish what an earlier run left, then archive what the policy takes from the days of this run."""
    from ecom_platform.archive.files import FilesDamaged
    from ecom_platform.archive.policy import policy_of
    from ecom_platform.archive.run import archive_to_commit, unfinished_runs

    batch.be_nice()
    days = context.partition_keys
    with archiver_of(context.op_execution_context, archive_platform) as archiver:
        policy = policy_of(archiver.settings)
        earlier = {manifest.run for manifest in unfinished_runs(archiver.db)}
        try:
            while (manifest := archive_to_commit(archiver, policy, days=days)) is not None:
                _log(context, materializations(archiver.db, manifest))
                _log(context, verdicts([manifest]))
                if manifest.run not in earlier:
                    break
            else:
                context.log.info("No order of %s to %s may be archived now.", days[0], days[-1])
        except (FilesDamaged, NeedsPerson):
            _log(context, verdicts(unfinished_runs(archiver.db)))
            raise
    yield from ()


@dg.asset(
    key=PURGE_KEY,
    group_name="archive",
    kinds={"mongodb", "python"},
    owners=[OWNER],
    deps=[ARCHIVE_KEY],
    description=_PURGE_TEXT,
    metadata=column_metadata("orders_purge"),
    freshness_policy=FRESHNESS,
    pool=BATCH_POOL,
)
def orders_purge(
    context: dg.AssetExecutionContext, archive_platform: Platform, batch: Batch
) -> dg.MaterializeResult[Any]:
    """Purge every committed run."""
    from ecom_platform.archive.run import purge_committed

    batch.be_nice()
    with archiver_of(context.op_execution_context, archive_platform) as archiver:
        before = size_of_orders(archiver.db)
        done = purge_committed(archiver)
        after = size_of_orders(archiver.db)
    kept = sum(len(manifest.superseded) for manifest in done)
    return dg.MaterializeResult(
        metadata={
            "runs": dg.MetadataValue.text(", ".join(manifest.run for manifest in done) or "none"),
            "dagster/row_count": dg.MetadataValue.int(sum(manifest.rows for manifest in done) - kept),
            "stayed_hot": dg.MetadataValue.int(kept),
            "orders_bytes_before": dg.MetadataValue.int(before),
            "orders_bytes_after": dg.MetadataValue.int(after),
        }
    )


@dg.asset(
    key=SUMMARY_KEY,
    group_name="archive",
    kinds={"mongodb", "python"},
    owners=[OWNER],
    deps=[PURGE_KEY],
    description=_SUMMARY_TEXT,
    metadata=column_metadata("orders_archive_summary"),
    freshness_policy=FRESHNESS,
    pool=BATCH_POOL,
)
def orders_archive_summary(archive_platform: Platform) -> dg.MaterializeResult[Any]:
    """Sum up what is written: rows, bytes and pace, and the last days as a table."""
    with archive_platform.database() as db:
        return dg.MaterializeResult(metadata=summary_metadata(db))


def _log(context: dg.AssetExecutionContext, events: Iterator[Any]) -> None:
    for event in events:
        context.log_event(event)


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
