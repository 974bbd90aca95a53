"""The reconciliation over hot and cold: archived orders, events that wait for them, orders that came back."""

from __future__ import annotations

import pytest

from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.rehydrate import rehydrate_waiting
from ecom_platform.contract import Status
from ecom_platform.errors import UnavailableError
from ecom_platform.reconcile import Report
from ecom_platform.store import collections as names
from ecom_platform.store.late_events import count_waiting
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.reconcile.conftest import World, broken

ARCHIVED = range(1, 31)


def details(report: Report) -> dict[str, str]:
    """All equations."""
    return {equation.name: equation.detail for equation in report.equations}


@pytest.fixture
def archived(world: World) -> World:
    """A shop of 60 orders, 30 of them in the archive."""
    world.send(world.shop())
    world.consume()
    handmade.archive(world.settings, world.db, ARCHIVED)
    return world


def send_late(world: World) -> None:
    """A step for two delivered orders and a repeated one; then the same again for a hot order."""
    world.send([
        world.step(2, Status.RETURNED), world.step(3, Status.RETURNED), world.repeated(world.step(4, Status.SHIPPED)),
        world.step(52, Status.RETURNED),
    ])  # fmt: skip
    world.consume()


def test_archived_orders_count_as_stored_ones(archived: World) -> None:
    """Every equation is asked and holds; the report says where the orders are."""
    report = archived.report()

    assert broken(report) == {}
    assert all(equation.holds for equation in report.equations)
    assert details(report)["each order once"] == "30 in MongoDB + 30 in the archive"


@pytest.mark.parametrize("state", ["COMMITTED", "PURGING"])
def test_while_a_run_deletes_each_order_counts_once(world: World, state: str) -> None:
    """From the archive as soon as it is not hot any more."""
    world.send(world.shop())
    world.consume()
    handmade.commit(world.settings, world.db, ARCHIVED)
    world.db[names.ORDERS].delete_many({"_id": {"$lte": 10}})
    world.db[names.ARCHIVE_MANIFESTS].update_one({}, {"$set": {"state": state}})

    assert broken(world.report()) == {}
    assert details(world.report())["each order once"] == "50 in MongoDB + 10 in the archive"


def test_events_that_wait_are_pending_and_break_nothing(archived: World) -> None:
    """They were acknowledged, and nobody has applied them yet."""
    send_late(archived)
    report = archived.report()

    assert broken(report) == {}
    assert (report.lag, report.pending, count_waiting(archived.db)) == (0, 2 + 1, 3)


def test_after_orders_came_back_everything_adds_up(archived: World) -> None:
    """Rollups under partition −1 are part of the sum; what late events became is part of the counts."""
    send_late(archived)
    archived.send([archived.step(5, Status.CANCELLED), archived.placed(70)])
    archived.consume()
    rehydrate_waiting(archived.settings, archived.db, "a test")
    report = archived.report()

    assert broken(report) == {}
    assert all(equation.holds for equation in report.equations)
    assert (report.pending, count_waiting(archived.db)) == (0, 0)
    assert details(report)["each order once"] == "34 in MongoDB + 27 in the archive"


def test_an_impossible_late_event_is_the_dead_letter_that_the_ledger_expects(archived: World) -> None:
    """The archive changes when it becomes one, not that it does."""
    impossible = archived.step(4, Status.CANCELLED)  # it was returned
    impossible.expected = "dead:illegal_transition"
    archived.send([impossible])
    archived.consume()
    assert broken(archived.report()) == {}

    rehydrate_waiting(archived.settings, archived.db, "a test")
    assert broken(archived.report()) == {}
    assert archived.db[names.DEAD_LETTERS].count_documents({"reason": "illegal_transition"}) == 1


def test_an_order_that_is_hot_and_cold_is_found_twice(archived: World) -> None:
    """As a restored backup of MongoDB would leave it."""
    order = next(iter(handmade.rows(archived.settings, archived.db)))
    order["_id"] = order.pop("order_id")
    archived.db[names.ORDERS].insert_one(order)
    wrong = broken(archived.report())

    assert wrong["each order once"].endswith(f"found twice 1 ({order['_id']})")
    assert "rollups = recomputation" in wrong


def test_a_row_that_left_the_archive_is_missed(archived: World) -> None:
    """Superseded by mistake: it counts nowhere."""
    archived.db[names.ARCHIVE_MANIFESTS].update_one({}, {"$set": {"superseded": handmade.bitmap([7])}})
    wrong = broken(archived.report())

    assert wrong["acknowledged orders = facts"].endswith("applied but not stored: 7")
    assert "rollups = recomputation" in wrong


def test_a_late_event_that_vanished_is_found(archived: World) -> None:
    """Counted as late, but it neither waits nor became anything."""
    send_late(archived)
    gone = archived.db[names.LATE_EVENTS].find_one_and_delete({})

    assert "≠" in broken(archived.report())[f"{archived.settings.topic}-{gone['partition']} late events"]


def test_a_file_that_cannot_be_read_is_one_sentence(archived: World) -> None:
    """Nothing is decided without the archive."""
    path = archived.db[names.ARCHIVE_MANIFESTS].find_one()["files"][0]["path"]
    arrow_file_system(archived.settings).delete_file(f"{ROOT}/{path}")

    with pytest.raises(UnavailableError, match="archive"):
        archived.report()
