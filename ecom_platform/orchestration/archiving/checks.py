"""The check that MongoDB does not grow beyond bounds."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.archiving.events import size_of_orders
from ecom_platform.orchestration.names import SIZE_CHECK
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.tables import fact_key


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
