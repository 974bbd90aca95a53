"""Archive, purge, rehydration and daily KPIs as Dagster runs them, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ecom_platform.contract import Status
from ecom_platform.errors import NeedsPerson
from ecom_platform.kpi import Rollups, accumulate
from ecom_platform.orchestration.archiving.events import size_of_orders
from ecom_platform.orchestration.definitions import defs as platform_defs
from ecom_platform.orchestration.runs.batch import Batch
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY, kpi_key
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.rollups import add_increments
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.moving import POLICY, due, fill
from ecom_platform_tests.archive.shops import make_shop
from ecom_platform_tests.kpi.stored import NOW
from ecom_platform_tests.streaming.events import placed, stepped

pytestmark = [
    pytest.mark.servers,
    # Dagster warns of its own beta parameter when it evaluates a sensor.
    pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer:dagster.BetaWarning"),
]

# The platform's definitions in a process that is not the batch run's own.
defs = dg.Definitions(
    assets=platform_defs.assets,
    asset_checks=platform_defs.asset_checks,
    jobs=platform_defs.jobs,
    sensors=platform_defs.sensors,
    resources={**dict(platform_defs.resources or {}), "batch": Batch(niceness=0)},
    executor=platform_defs.executor,
)
SENSORS: dict[str, Any] = {sensor.name: sensor for sensor in platform_defs.sensors or ()}


class Daemon:
    """What Dagster's daemon does, one step at a time: evaluate a sensor, run what it asks for."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursors: dict[str, str | None] = {}
        self.said = ""

    def tick(self, name: str) -> list[dg.RunRequest]:
        """One evaluation of a sensor."""
        sensor = SENSORS[name]
        resources = {"platform": (platform_defs.resources or {})["platform"]}
        with dg.build_sensor_context(self.instance, cursor=self.cursors.get(name), resources=resources) as context:
            data = sensor.evaluate_tick(context)
        self.cursors[name], self.said = data.cursor, str(data.skip_message)
        return list(data.run_requests or ())

    def run(self, request: dg.RunRequest, job: str = "") -> bool:
        """Run a request to its end; whether it succeeded."""
        return self.run_job(request.job_name or job, dict(request.tags))

    def run_job(self, job: str, tags: dict[str, str] | None = None) -> bool:
        """Run a job to its end; whether it succeeded."""
        definition = defs.resolve_job_def(job)
        return bool(definition.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False).success)

    def verdicts(self, key: dg.AssetKey, check: str) -> dict[str | None, bool]:
        """The latest evaluation of every partition of a check."""
        storage = self.instance.event_log_storage
        found = {}
        for record in reversed(storage.get_asset_check_execution_history(dg.AssetCheckKey(key, check), limit=100)):
            event = record.event.dagster_event if record.event else None
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                found[evaluation.partition] = evaluation.passed
        return found


@pytest.fixture
def daemon(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Daemon]:
    """An instance of this test, on its database; a hundred kilobytes of orders are too many."""
    monkeypatch.chdir(tmp_path)
    for name in ("home", "mongodb_uri", "mongodb_database", "kafka_bootstrap_servers", "hdfs_uri", "topic"):
        monkeypatch.setenv(f"ECOM_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("ECOM_ARCHIVE_HIGH_BYTES", "100000")
    monkeypatch.setenv("ECOM_ARCHIVE_LOW_BYTES", "1000")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)


def add_rollups(db: MongoDatabase, orders: Any) -> None:
    """The rollups the stream would have written."""
    rollups = Rollups()
    for order in orders:
        accumulate(rollups, order, 1)
    with db.client.start_session() as session:
        add_increments(db, rollups.increments(0, datetime.now(UTC)), session)


def test_too_many_orders_are_archived_and_purged_and_the_sensor_is_quiet_again(
    daemon: Daemon, db: MongoDatabase
) -> None:
    """The size shrinks, every order is in one place, exactly the touched days are green, one request was made."""
    orders = fill(db, count=600)
    moved, before = due(orders), size_of_orders(db)

    assert daemon.tick("orders_size_sensor") == []  # one sample may be a peak
    (request,) = daemon.tick("orders_size_sensor")
    assert daemon.tick("orders_size_sensor") == []
    assert daemon.run(request, "orders_archive_job")
    assert size_of_orders(db) == before  # nothing is deleted before the purge
    (purge,) = daemon.tick("orders_purge_sensor")
    assert daemon.tick("orders_size_sensor") == []  # the purge is a part of it
    assert daemon.run(purge)

    assert size_of_orders(db) < before
    left = {row["_id"] for row in db.orders.find({}, {"_id": 1})}
    assert left.isdisjoint(moved)
    days = {order["order_date"] for number, order in orders.items() if number not in left}
    assert daemon.instance.get_materialized_partitions(ARCHIVE_KEY) == days
    assert daemon.verdicts(ARCHIVE_KEY, "published_files_match") == dict.fromkeys(days, True)
    for key in (PURGE_KEY, SUMMARY_KEY):
        assert daemon.instance.get_latest_materialization_event(key) is not None
    assert daemon.tick("orders_purge_sensor") == []
    for _ in range(4):
        assert daemon.tick("orders_size_sensor") == []


def test_the_purge_refuses_what_was_not_checked_whoever_asks(
    daemon: Daemon, settings: Settings, db: MongoDatabase
) -> None:
    """A person who materializes the purge alone; the sensor has it checked first, then purged."""
    orders = fill(db, count=60)
    handmade.commit(settings, db, due(orders))
    db.archive_manifests.update_one({}, {"$set": {"times.PLANNED": NOW, "policy": POLICY.to_document()}})
    purge = defs.resolve_job_def("orders_purge_job")

    with pytest.raises(NeedsPerson, match="not passed the check: run-1"):
        purge.execute_in_process(instance=daemon.instance)
    assert db.orders.count_documents({}) == len(orders)

    (check,) = daemon.tick("orders_purge_sensor")
    assert (check.job_name, daemon.run(check)) == ("orders_archive_check_job", True)
    (purged,) = daemon.tick("orders_purge_sensor")
    assert (purged.job_name, daemon.run(purged)) == ("orders_purge_job", True)
    assert db.orders.count_documents({}) == len(orders) - len(due(orders))


def test_the_daily_kpis_of_hot_and_cold_orders_equal_the_rollups_to_the_cent(
    daemon: Daemon, settings: Settings, db: MongoDatabase
) -> None:
    """The sensor asks for exactly the dirty days; an amount that differs by a cent turns its day red."""
    orders = fill(db, count=300, days=3)
    add_rollups(db, orders.values())
    days = sorted({order["order_date"] for order in orders.values()})[:2]
    touched = datetime(2026, 11, 23, tzinfo=UTC)
    db.dirty_days.insert_many([{"_id": f"{day}/0", "day": day, "partition": 0, "at": touched} for day in days])
    handmade.archive(settings, db, due(orders))
    db.kpi_product.update_one(
        {"grain": "day", "t": datetime.fromisoformat(f"{days[1]}T00:00:00Z")}, {"$inc": {"products.1.net_cents": 1}}
    )

    (request,) = daemon.tick("dirty_days_sensor")
    assert daemon.run(request, "kpi_daily_job")

    key = kpi_key("kpi_daily")
    assert daemon.instance.get_materialized_partitions(key) == set(days)
    assert daemon.verdicts(key, "equals_live_rollups") == {days[0]: True, days[1]: False, None: False}
    assert db.dirty_days.count_documents({}) == 0
    for day in days:
        assert_figures(db, [order for order in orders.values() if order["order_date"] == day], day)


def assert_figures(db: MongoDatabase, orders: list[dict[str, Any]], day: str) -> None:
    """What is stored for a day is what adding up its orders one by one gives."""
    stored = {(row["subject"], row["member"]): row for row in db.kpi_daily.find({"day": day})}
    valid = [order for order in orders if order["delivery"]["status"] != "Cancelled"]
    whole = stored["day", ""]
    assert (whole["orders"], whole["valid_orders"]) == (len(orders), len(valid))
    assert whole["booked_cents"] == sum(order["total_cents"] for order in orders)
    assert whole["revenue_cents"] == sum(order["total_cents"] for order in valid)
    assert whole["units"] == sum(order["quantity"] for order in valid)
    for payment in {order["payment_type"] for order in orders}:
        of_payment = [order for order in valid if order["payment_type"] == payment]
        assert stored["payment", payment]["revenue_cents"] == sum(order["total_cents"] for order in of_payment)
    for category in {line["category"] for order in orders for line in order["order_items"]}:
        lines = [line for order in valid for line in order["order_items"] if line["category"] == category]
        having = [order for order in orders if any(line["category"] == category for line in order["order_items"])]
        assert stored["category", category]["orders"] == len(having)
        assert stored["category", category]["net_cents"] == sum(line["net_cents"] for line in lines)


def test_an_archived_order_with_a_late_event_is_brought_back(
    daemon: Daemon, settings: Settings, db: MongoDatabase
) -> None:
    """Nothing is asked for while no event waits."""
    shadow = db.client.get_database(f"{db.name}_shadow", db.codec_options)
    shop = make_shop(settings, db, shadow)
    shop.send(placed(1), placed(2), stepped(1, Status.SHIPPED))
    handmade.archive(settings, db, [1, 2])
    assert daemon.tick("late_events_sensor") == []

    shop.send(stepped(1, Status.DELIVERED))
    (request,) = daemon.tick("late_events_sensor")
    assert daemon.run(request, "rehydration_job")

    assert [(row["_id"], row["delivery"]["status"]) for row in db.orders.find({})] == [(1, "Delivered")]
    assert daemon.tick("late_events_sensor") == []
    db.client.drop_database(shadow.name)
