"""Archive, purge and rehydration as Dagster runs them, on real servers."""

from __future__ import annotations

from ecom_platform.contract import Status
from ecom_platform.orchestration.archiving.events import size_of_orders
from ecom_platform.orchestration.tables import ARCHIVE_KEY, PURGE_KEY, SUMMARY_KEY
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.manifests import RunState, read_manifests
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.moving import due, fill
from ecom_platform_tests.archive.shops import make_shop
from ecom_platform_tests.orchestration.daemon import Daemon
from ecom_platform_tests.streaming.events import placed, stepped


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
    assert daemon.run(purge, "orders_purge_job")

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


def test_a_failed_check_is_shown_by_day_and_nothing_moves(daemon: Daemon, db: MongoDatabase) -> None:
    """One order cannot be archived as it is: a fraction where the column takes whole numbers."""
    orders = fill(db, count=600)
    db.orders.update_one({"_id": min(due(orders))}, {"$set": {"user_id": 83.5}})

    daemon.tick("orders_size_sensor")
    (request,) = daemon.tick("orders_size_sensor")
    assert not daemon.run(request, "orders_archive_job")

    [run] = read_manifests(db)
    assert run.state == RunState.PUBLISHED
    assert daemon.verdicts(ARCHIVE_KEY, "published_files_match") == dict.fromkeys(run.days, False)
    assert daemon.instance.get_materialized_partitions(ARCHIVE_KEY) == set()
    assert daemon.tick("orders_purge_sensor") == []
    assert db.orders.count_documents({}) == len(orders)


def test_the_purge_deletes_nothing_of_a_run_that_an_older_version_did_not_check(
    daemon: Daemon, settings: Settings, db: MongoDatabase
) -> None:
    """It is put back to its start; the next archive run writes and checks it."""
    orders = fill(db, count=60)
    handmade.commit(settings, db, due(orders))
    db.archive_manifests.update_one({}, {"$set": {"token": 0}})

    (purge,) = daemon.tick("orders_purge_sensor")
    assert (purge.job_name, daemon.run(purge, "orders_purge_job")) == (None, True)

    assert [run.state for run in read_manifests(db)] == [RunState.PLANNED]
    assert daemon.tick("orders_purge_sensor") == []
    assert db.orders.count_documents({}) == len(orders)


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
