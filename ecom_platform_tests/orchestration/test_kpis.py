"""The daily KPIs as Dagster runs them: a backfill as its pages ask for it, a run on real servers."""

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

from ecom_platform.orchestration.tables import KPI_KEYS, kpi_key
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.moving import due, fill
from ecom_platform_tests.kpi.stored import add_rollups, stored_daily
from ecom_platform_tests.oracle.daily import naive_daily
from ecom_platform_tests.orchestration.daemon import Daemon

# Dagster's own, of its own call.
pytestmark = pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated:DeprecationWarning")

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
ROOT = Path(__file__).parents[2]


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


def test_the_daily_kpis_of_hot_and_cold_orders_equal_the_rollups_to_the_cent(
    daemon: Daemon, settings: Settings, db: MongoDatabase
) -> None:
    """The sensor asks for exactly the dirty days; an amount of any kind that differs turns its day red."""
    orders = fill(db, count=300, days=6)
    add_rollups(db, orders.values(), 0, datetime.now(UTC))
    days = sorted({order["order_date"] for order in orders.values()})[1:6]
    touched = datetime(2026, 11, 23, tzinfo=UTC)
    db.dirty_days.insert_many([{"_id": f"{day}/0", "day": day, "partition": 0, "at": touched} for day in days])
    handmade.archive(settings, db, due(orders))
    spoil(db, "kpi_product", days[1], {}, "products.1.net_cents")
    spoil(db, "kpi_cube", days[2], {"basis": "D"}, "payment.Cash.on_time")
    spoil(db, "kpi_cube", days[3], {"basis": "D"}, "payment.Cash.bins.600")
    spoil(db, "kpi_cube", days[4], {"basis": "H"}, "payment.Cash.steps.Shipped")

    (request,) = daemon.tick("dirty_days_sensor")
    assert daemon.run(request, "kpi_daily_job")

    key = kpi_key("kpi_daily")
    assert daemon.instance.get_materialized_partitions(key) == set(days)
    judged = {days[0]: True, **dict.fromkeys(days[1:], False)}
    assert daemon.verdicts(key, "equals_live_rollups") == {**judged, None: False}
    assert db.dirty_days.count_documents({}) == 0
    plotted = daemon.figures(key)
    for day in days:
        expected = naive_daily(orders.values(), day)["day", ""]
        assert {name: plotted[day][name] for name in expected} == expected
        assert stored_daily(db, day) == naive_daily(orders.values(), day)


def spoil(db: MongoDatabase, collection: str, day: str, where: dict[str, str], path: str) -> None:
    """Add one to an amount of a day's rollups."""
    start = datetime.fromisoformat(f"{day}T00:00:00Z")
    changed = db[collection].update_one({"grain": "day", "t": start, **where}, {"$inc": {path: 1}})
    assert changed.modified_count == 1
