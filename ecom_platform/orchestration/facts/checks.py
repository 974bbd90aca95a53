"""The accounting equations as a check of the facts."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.names import RECONCILIATION_CHECK
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.tables import fact_key


@dg.asset_check(
    asset=fact_key("orders"),
    name=RECONCILIATION_CHECK,
    description="Every Kafka offset is accounted for, and the rollups equal a recomputation from the orders.",
)
def accounting_equations_hold(platform: Platform) -> dg.AssetCheckResult:
    """Run the reconciliation of `ecom reconcile`; its whole report is in the metadata."""
    from ecom_platform.reconcile import reconcile

    settings = platform.settings()
    with platform.database() as db:
        report = reconcile(settings, db)
    return dg.AssetCheckResult(
        passed=report.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        description="Every equation holds." if report.holds else "An equation does not hold: see the report.",
        metadata={"report": dg.MetadataValue.json(report.to_dict())},
    )
