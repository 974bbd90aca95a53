"""A backfill of the daily KPIs, asked for and planned as Dagster's pages and daemon do it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster_graphql.test.utils import execute_dagster_graphql

from ecom_platform.orchestration.tables import KPI_KEYS

# Dagster's own: of its beta parameter when it attaches resources to a sensor, and of its own call.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer:dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated:DeprecationWarning"),
]

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """With the platform's own configuration: a run that is asked for waits in the queue, where no daemon takes it."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_a_backfill_of_yesterday_and_today_becomes_one_run_over_both(instance: dg.DagsterInstance) -> None:
    """The archive has no partition of today, and none is needed: orders of today are hot."""
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=1)), str(today)]
    target = ModuleTarget("ecom_platform.orchestration.definitions", None, str(ROOT), "platform")
    with create_test_daemon_workspace_context(target, instance) as workspace:
        params: dict[str, Any] = {
            "assetSelection": [{"path": list(key.path)} for key in KPI_KEYS],
            "partitionNames": days,
        }
        answer = execute_dagster_graphql(workspace.create_request_context(), LAUNCH, {"params": params})
        launched = answer.data["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        failures = [error for error in execute_backfill_iteration(workspace, logging.getLogger("backfill")) if error]

    assert failures == []
    (run,) = instance.get_runs()
    asked = (run.tags["dagster/asset_partition_range_start"], run.tags["dagster/asset_partition_range_end"])
    assert asked == (days[0], days[1])
    assert run.asset_selection == set(KPI_KEYS)
