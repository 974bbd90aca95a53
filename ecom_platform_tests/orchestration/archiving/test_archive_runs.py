"""Archive, purge and rehydration as Dagster runs them, on real servers."""

from __future__ import annotations

import pytest

from ecom_platform.contract import Status
from ecom_platform.errors import NeedsPerson
from ecom_platform.orchestration.archiving.events import size_of_orders
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.moving import POLICY, due, fill
from ecom_platform_tests.archive.shops import make_shop
from ecom_platform_tests.kpi.stored import NOW
from ecom_platform_tests.orchestration.daemon import DEFS, Daemon
from ecom_platform_tests.streaming.events import placed, stepped

pytestmark = [
    pytest.mark.servers,
    # Dagster warns of its own beta parameter when it evaluates a sensor.
    pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer:dagster.BetaWarning"),
]


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
    plotted = daemon.figures(ARCHIVE_KEY)
    assert {day: figures["dagster/partition_row_count"] for day, figures in plotted.items()} == {
        day: sum(order["order_date"] == day for number, order in orders.items() if number not in left) for day in days
    }
    assert all(figures["bytes"] > 0 for figures in plotted.values())
    assert daemon.figures(PURGE_KEY)[None]["orders_bytes_after"] == size_of_orders(db)
    assert daemon.figures(SUMMARY_KEY)[None]["archived_orders"] == len(orders) - len(left)
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
    purge = DEFS.resolve_job_def("orders_purge_job")

    with pytest.raises(NeedsPerson, match="not passed the check: run-1"):
        purge.execute_in_process(instance=daemon.instance)
    assert db.orders.count_documents({}) == len(orders)

    (check,) = daemon.tick("orders_purge_sensor")
    assert (check.job_name, daemon.run(check)) == ("orders_archive_check_job", True)
    (purged,) = daemon.tick("orders_purge_sensor")
    assert (purged.job_name, daemon.run(purged)) == ("orders_purge_job", True)
    assert db.orders.count_documents({}) == len(orders) - len(due(orders))


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
