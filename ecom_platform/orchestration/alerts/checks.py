"""The checks of the alert rules, run by hand; the alert sensor writes evaluations of the same checks by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.alerts import evaluated_at, open_alerts
from ecom_platform.orchestration.alerts.verdicts import EVALUATED, SPECS, evaluated, evaluations
from ecom_platform.orchestration.resources import Platform

# The sensor evaluates every 30 seconds; three missed evaluations are an alarm.
LATEST_SECONDS: Final = 120.0


@dg.multi_asset_check(name="alert_checks", specs=[*SPECS.values(), EVALUATED])
def alert_checks(platform: Platform) -> Iterable[dg.AssetCheckResult]:
    """Tell which alerts are open, and whether the sensor still evaluates; nothing is evaluated here."""
    with platform.database() as db:
        last, alerts = evaluated_at(db), open_alerts(db)
    silent = last is None or (datetime.now(UTC) - last).total_seconds() >= LATEST_SECONDS
    when = f"last at {last:%Y-%m-%d %H:%M:%S} UTC" if last else "never"
    found = [*evaluations(alerts).values(), evaluated(int(silent), f"The rules were evaluated {when}.")]
    for one in found:
        yield dg.AssetCheckResult(
            asset_key=one.asset_key,
            check_name=one.check_name,
            passed=one.passed,
            severity=one.severity,
            description=one.description,
            metadata=one.metadata,
        )
