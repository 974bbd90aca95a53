"""What happens every day at the same time."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.jobs import orders_archive_job
from ecom_platform.orchestration.archiving.requests import archive_request, read_eligible
from ecom_platform.orchestration.names import ARCHIVE_SCHEDULE
from ecom_platform.orchestration.resources import Platform

# Yesterday has ended in UTC, and its last KPIs are computed.
CRON = "30 1 * * *"
PLAN_SECONDS = 40.0


@dg.schedule(
    name=ARCHIVE_SCHEDULE,
    job=orders_archive_job,
    cron_schedule=CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Archives, once a day, whatever is old enough, however small MongoDB is.",
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
