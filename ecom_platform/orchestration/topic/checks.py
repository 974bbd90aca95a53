"""The lag check of the topic, run by hand; the lag sensor writes evaluations of the same check by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from ecom_platform.orchestration.names import LAG_CHECK
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.tables import TOPIC_KEY
from ecom_platform.orchestration.topic.lag_verdict import evaluation, metadata, verdict

BUDGET_SECONDS = 20.0


@dg.asset_check(
    asset=TOPIC_KEY,
    name=LAG_CHECK,
    description="Events in Kafka that are not yet applied stay below the alarm, and none was lost to retention.",
)
def lag_within_bounds(platform: Platform) -> dg.AssetCheckResult:
    """One measurement, without the sensor's patience for short peaks."""
    from ecom_platform.streaming.lag import read_lag

    settings = platform.settings()
    with platform.database() as db:
        lag = read_lag(settings, db, BUDGET_SECONDS)
    high = settings.lag_high_events
    judged = verdict(lag, firing=lag.total >= high, high=high, now=datetime.now(UTC))
    found = evaluation(judged, metadata(lag))
    return dg.AssetCheckResult(
        passed=found.passed, severity=found.severity, description=found.description, metadata=found.metadata
    )
