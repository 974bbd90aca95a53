"""The smallest things of each kind that Dagster runs."""

import dagster as dg


@dg.asset
def shelf() -> None:
    """Something to check."""


@dg.asset_check(asset=shelf)
def is_full() -> dg.AssetCheckResult:
    """A check that fails."""
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description="Two units are missing.")


@dg.job
def nothing() -> None:
    """No step."""
