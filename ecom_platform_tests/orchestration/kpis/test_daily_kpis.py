"""The daily KPIs as Dagster runs them, on real servers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ecom_platform.orchestration.tables import kpi_key
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.moving import due, fill
from ecom_platform_tests.oracle.daily import naive_daily
from ecom_platform_tests.orchestration.daemon import Daemon
from ecom_platform_tests.orchestration.kpis.daily import add_rollups, stored_daily

pytestmark = [
    pytest.mark.servers,
    # Dagster warns of its own beta parameter when it evaluates a sensor.
    pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer:dagster.BetaWarning"),
]


def test_the_daily_kpis_of_hot_and_cold_orders_equal_the_rollups_to_the_cent(
    daemon: Daemon, settings: Settings, db: MongoDatabase
) -> None:
    """The sensor asks for exactly the dirty days; an amount that differs turns its day red, whatever it counts."""
    orders = fill(db, count=300, days=6)
    add_rollups(db, orders.values())
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
