"""The jobs of archive, purge and rehydration, as sensors and the schedule request them."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

import dagster as dg

from ecom_platform.errors import Fenced
from ecom_platform.orchestration.names import ARCHIVE_JOB, PURGE_JOB, REHYDRATION_JOB, REHYDRATION_POOL
from ecom_platform.orchestration.resources import Batch, Platform
from ecom_platform.orchestration.runs.ending import owner_of
from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY

orders_archive_job = dg.define_asset_job(
    ARCHIVE_JOB,
    # The run logs the check by day; Dagster would plan one of the whole range, which never comes.
    selection=dg.AssetSelection.assets(ARCHIVE_KEY).without_checks(),
    description="Archives a range of days, checked before they count. The purge follows in a run of its own.",
    tags=ARCHIVE_FIRST,
)
orders_purge_job = dg.define_asset_job(
    PURGE_JOB,
    selection=dg.AssetSelection.assets(PURGE_KEY, SUMMARY_KEY),
    description="Deletes from MongoDB what committed archive runs hold.",
    tags=ARCHIVE_FIRST,
)


@dg.op(pool=REHYDRATION_POOL, description="Bring back archived orders for which events arrived.")
def bring_back_late_orders(context: dg.OpExecutionContext, archive_platform: Platform, batch: Batch) -> None:
    """Apply what waits; while an archive run holds the archiver's role, leave it for the next request."""
    from ecom_platform.archive.rehydrate import rehydrate_waiting

    batch.be_nice()
    with archive_platform.database() as db:
        try:
            done = rehydrate_waiting(archive_platform.settings(), db, owner_of(context), context.run_id)
        except Fenced as error:
            context.log.info("The events wait a little longer: %s", error)
            return
    context.add_output_metadata(
        {
            "brought_back": dg.MetadataValue.int(done.brought_back),
            "updated": dg.MetadataValue.int(done.updated),
            "applied": dg.MetadataValue.int(done.applied),
            "duplicate": dg.MetadataValue.int(done.duplicate),
            "dead": dg.MetadataValue.int(done.dead),
        }
    )


@dg.job(
    name=REHYDRATION_JOB,
    description="Brings back archived orders to which something more happened.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "1800"},
)
def rehydration_job() -> None:
    """One step."""
    bring_back_late_orders()
