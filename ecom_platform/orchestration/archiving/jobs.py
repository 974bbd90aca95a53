"""The jobs of archive, purge and rehydration; what may be archived now, as requests; and the daily schedule."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import dagster as dg

from ecom_platform.errors import ConfigurationError, Fenced
from ecom_platform.orchestration.names import (
    ARCHIVE_JOB,
    ARCHIVE_SCHEDULE,
    PURGE_JOB,
    REHYDRATION_JOB,
    REHYDRATION_POOL,
)
from ecom_platform.orchestration.resources import Batch, Platform
from ecom_platform.orchestration.runs.ending import owner_of
from ecom_platform.orchestration.runs.partitions import Block, blocks_of, demand_partitions
from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST, run_request
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase

if TYPE_CHECKING:
    from ecom_platform.archive.plan import Plan

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
    context.add_output_metadata({name: dg.MetadataValue.int(number) for name, number in asdict(done).items()})


@dg.job(
    name=REHYDRATION_JOB,
    description="Brings back archived orders to which something more happened.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "1800"},
)
def rehydration_job() -> None:
    """One step."""
    bring_back_late_orders()


@dataclass(frozen=True, slots=True)
class Eligible:
    """Blocks of days with orders to take, oldest first, and about how many bytes of MongoDB they hold."""

    blocks: tuple[Block, ...]
    orders: int
    bytes: int


def read_eligible(settings: Settings, db: MongoDatabase) -> Eligible:
    """Ask the planner. Raises UnavailableError; ConfigurationError for days without a partition."""
    from ecom_platform.archive.plan import read_plan
    from ecom_platform.archive.policy import policy_of

    plan: Plan = read_plan(db, policy_of(settings))
    days = [day.day for day in plan.days]
    demand_partitions(days, settings.history_start)
    return Eligible(tuple(blocks_of(days)), plan.orders, plan.bytes)


def archive_request(key: str, block: Block) -> dg.RunRequest:
    """A run that archives what may be archived of a block of days."""
    return run_request(key, {**ARCHIVE_FIRST, **block.tags}, part=str(block), job=ARCHIVE_JOB)


# Yesterday has ended in UTC, and its last KPIs are computed.
CRON = "30 1 * * *"
PLAN_SECONDS = 40.0


@dg.schedule(
    name=ARCHIVE_SCHEDULE,
    job=orders_archive_job,
    cron_schedule=CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Archives, once a day, all that is old enough, however small MongoDB is.",
)
def orders_archive_schedule(
    context: dg.ScheduleEvaluationContext, platform: Platform
) -> list[dg.RunRequest] | dg.SkipReason:
    """One run per block of days without a gap."""
    try:
        settings = platform.settings()
        with platform.database(PLAN_SECONDS) as db:
            eligible = read_eligible(settings, db)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not eligible.blocks:
        return dg.SkipReason("No order is old enough to be archived.")
    key = f"archive-daily-{context.scheduled_execution_time:%Y-%m-%dT%H%M}"
    return [archive_request(key, block) for block in eligible.blocks]
