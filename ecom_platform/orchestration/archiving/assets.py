"""The archive: closed days leave MongoDB for HDFS in two steps, each a run of its own, with a check between them."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import dagster as dg

from ecom_platform.errors import NeedsPerson
from ecom_platform.orchestration.archiving.archiver import archiver_of
from ecom_platform.orchestration.archiving.events import materializations, size_of_orders, summary_metadata, verdicts
from ecom_platform.orchestration.names import BATCH_POOL, OWNER
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.runs.batch import Batch
from ecom_platform.orchestration.runs.partitions import archive_days
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY, fact_key, lineage, schema

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
    "Deletes from MongoDB what is archived and whose files passed the check, by number and version: an order that "
    "changed since it was copied stays.\n\n"
    "**Grain:** one archive run. **Source:** the manifests. **Consumer:** the size of `orders`. **When it fails:** "
    "orders are in both places and count once, from MongoDB; materialize it again. It refuses a run whose files were "
    "not checked or did not pass, whoever asks."
)
_SUMMARY_TEXT: Final = (
    "What the archive runs did.\n\n"
    "**Grain:** one archive run and day. **Source:** the runs, at their end. **Consumer:** people. "
    "**When it fails:** the row is written with the end of its run, so it cannot be missing; materialize it again."
)


def _lineage(table: str) -> dict[str, Any]:
    return {"dagster/column_lineage": dg.TableColumnLineage(lineage(table).deps_by_column)}


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
            metadata={"dagster/column_schema": schema("orders_archive"), **_lineage("orders_archive")},
            # Whatever the range of a run is, only days it took orders from become green.
            skippable=True,
            partitions_def=archive_days(),
            freshness_policy=FRESHNESS,
        )
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=BATCH_POOL,
)
def orders_archive(context: dg.AssetExecutionContext, archive_platform: Platform, batch: Batch) -> Iterator[Any]:
    """Finish what an earlier run left, then archive what the policy takes from the days of this run, and check it."""
    from ecom_platform.archive.policy import policy_of
    from ecom_platform.archive.run import archive_to_commit, check_committed, unfinished_runs

    batch.be_nice()
    days = context.partition_keys
    with archiver_of(context.op_execution_context, archive_platform) as archiver:
        policy = policy_of(archiver.settings)
        _log(context, verdicts(check_committed(archiver)))
        earlier = {manifest.run for manifest in unfinished_runs(archiver.db)}
        while (manifest := archive_to_commit(archiver, policy, days=days)) is not None:
            _log(context, materializations(archiver.db, manifest))
            checked = check_committed(archiver)
            _log(context, verdicts(checked))
            refused = [judged for judged in checked if judged.verdict and not judged.verdict.passed]
            if refused:
                raise dg.Failure(
                    description="The published files did not pass their check; they do not count and every order is "
                    "still in MongoDB. Materialize again: it writes them anew.",
                    metadata={judged.run: judged.verdict.text for judged in refused if judged.verdict},
                )
            if manifest.run not in earlier:
                break
        else:
            context.log.info("No order of %s to %s may be archived now.", days[0], days[-1])
    yield from ()


@dg.asset(
    key=PURGE_KEY,
    group_name="archive",
    kinds={"mongodb", "python"},
    owners=[OWNER],
    deps=[ARCHIVE_KEY],
    description=_PURGE_TEXT,
    metadata={"dagster/column_schema": schema("orders_purge"), **_lineage("orders_purge")},
    freshness_policy=FRESHNESS,
    pool=BATCH_POOL,
)
def orders_purge(
    context: dg.AssetExecutionContext, archive_platform: Platform, batch: Batch
) -> dg.MaterializeResult[Any]:
    """Purge every committed run whose check passed; refuse the others."""
    from ecom_platform.archive.run import purge_checked, unfinished_runs

    batch.be_nice()
    with archiver_of(context.op_execution_context, archive_platform) as archiver:
        before = size_of_orders(archiver.db)
        done = purge_checked(archiver)
        after = size_of_orders(archiver.db)
        left = [manifest for manifest in unfinished_runs(archiver.db) if manifest.is_cold]
    if left:
        raise _refusal([manifest.run for manifest in left])
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
    metadata={"dagster/column_schema": schema("orders_archive_summary"), **_lineage("orders_archive_summary")},
    freshness_policy=FRESHNESS,
    pool=BATCH_POOL,
)
def orders_archive_summary(archive_platform: Platform) -> dg.MaterializeResult[Any]:
    """Sum up what is written: rows, bytes and pace, and the last days as a table."""
    with archive_platform.database() as db:
        return dg.MaterializeResult(metadata=summary_metadata(db))


def _refusal(runs: Sequence[str]) -> NeedsPerson:
    return NeedsPerson(
        f"Not purged, because their files have not passed the check: {', '.join(runs)}. Every order of them is still "
        "in MongoDB. Run the check of orders_archive, or `ecom archive`."
    )


def _log(context: dg.AssetExecutionContext, events: Iterator[Any]) -> None:
    for event in events:
        context.log_event(event)
