"""Archived orders to which something more happens come back, exactly once and in order."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from bson import encode

from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.lookup import find_orders
from ecom_platform.archive.rehydrate_transaction import Rehydrated
from ecom_platform.contract import Status
from ecom_platform.store.late_events import LateOutcomes, count_waiting, read_late_outcomes
from ecom_platform.store.manifests import read_manifests
from ecom_platform.streaming.enrich import apply_step, stored_order
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.rehydration.coming_back import assert_accounted, bring_back, hot_ids, of_day
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.contract import random_events
from ecom_platform_tests.streaming.events import PLACED_AT, TABLES, placed, stepped

SHIPPED, DELIVERED, RETURNED, CANCELLED = Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED


def random_order(chance: random.Random) -> dict[str, Any]:
    """An order as the stream stores it, anywhere in its life, some with fields that the contract does not know."""
    event = random_events.placed(chance)
    # Of three days: each day is a file.
    event.order.order_time = PLACED_AT - timedelta(milliseconds=chance.randrange(2 * 86_400_000))
    extra = chance.choice((None, '{"gift":true,"note":"\\u0000 é"}'))
    order = stored_order(event, extra, TABLES, {"partition": chance.randrange(4), "offset": chance.randrange(2**40)})
    for status in chance.choice(((), (SHIPPED,), (SHIPPED, DELIVERED, RETURNED), (CANCELLED,))):
        step = stepped(event.order_id, status, hours=chance.random() * 9)
        order = apply_step(order, step, chance.choice((None, '{"by":"drone"}')))
    return order


def test_a_row_of_the_archive_is_exactly_the_document_it_was_made_from(shop: Shop) -> None:
    """Same fields in the same order, same types, same instants; what was absent stays absent."""
    chance = random.Random(4711)
    shop.db.orders.insert_many(random_order(chance) for _ in range(300))
    stored = {order["_id"]: order for order in shop.db.orders.find()}
    handmade.archive(shop.settings, shop.db, stored)

    found = find_orders(arrow_file_system(shop.settings), read_manifests(shop.db), stored)

    assert {id_: encode(order.document) for id_, order in found.items()} == {
        id_: encode(order) for id_, order in stored.items()
    }


def test_an_update_of_an_archived_order_waits_and_then_counts_everywhere(archived: Shop) -> None:
    """The order is hot again and out of the archive's count; KPIs are those of a shop that never archived."""
    archived.send(stepped(3, DELIVERED, hours=5))
    assert (hot_ids(archived), count_waiting(archived.db)) == ([], 1)

    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([3], 0)
    assert handmade.superseded(archived.db) == {3}
    assert archived.db.orders.find_one(3)["version"] == 3
    assert {mark["partition"] for mark in archived.db.dirty_days.find({"partition": -1})} == {-1}
    assert archived.offsets.counters.late == 1
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


def test_an_order_that_came_back_is_an_ordinary_one_and_can_be_archived_again(archived: Shop) -> None:
    """Its next event is applied at once; a second run has it, and brings it back a second time."""
    archived.send(stepped(3, DELIVERED, hours=5))
    bring_back(archived)
    handmade.archive(archived.settings, archived.db, [3], "run-2")
    archived.send(stepped(3, RETURNED, hours=9))

    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)

    assert (handmade.superseded(archived.db, "run-1"), handmade.superseded(archived.db, "run-2")) == ({3}, {3})
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


def test_events_of_one_order_are_applied_in_the_order_of_the_topic(archived: Shop) -> None:
    """Over several chunks, among them a repetition and a step backwards."""
    archived.send(stepped(1, DELIVERED, hours=4), stepped(2, CANCELLED, hours=4))
    archived.send(stepped(1, SHIPPED, hours=5), stepped(2, DELIVERED, hours=5), stepped(1, RETURNED, hours=6))

    assert bring_back(archived) == Rehydrated(brought_back=2, applied=3, duplicate=1, dead=1)

    letter = archived.db.dead_letters.find_one()
    shadow = archived.shadow.db.dead_letters.find_one()
    changing = {"seen_at"}
    assert {k: v for k, v in letter.items() if k not in changing} == {
        k: v for k, v in shadow.items() if k not in changing
    }
    assert read_late_outcomes(archived.db, archived.settings.topic) == {0: LateOutcomes(3, 1, 1)}
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


def test_events_that_change_nothing_leave_their_order_in_the_archive(archived: Shop) -> None:
    """A repeated step and an impossible one are consumed; nothing comes back to MongoDB."""
    archived.send(stepped(1, SHIPPED), stepped(2, Status.PENDING))
    archived.send(stepped(3, DELIVERED, hours=2))
    bring_back(archived)

    assert hot_ids(archived) == [3]
    assert count_waiting(archived.db) == 0
    archived.assert_same_as_without_archive()


def test_an_event_that_names_another_order_time_is_dead_and_leaves_its_order_in_the_archive(archived: Shop) -> None:
    """The stream cannot tell, the archive can; the next event of the order is applied, a replay changes nothing."""
    wrong = of_day(stepped(1, DELIVERED, hours=4), PLACED_AT - timedelta(days=40))
    archived.send(wrong, stepped(2, DELIVERED, hours=4))

    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1, dead=1)
    assert hot_ids(archived) == [2]
    archived.send(stepped(1, DELIVERED, hours=5))
    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)

    assert [letter["reason"] for letter in archived.db.dead_letters.find()] == ["order_time_mismatch"]
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


def test_an_event_that_names_the_day_before_finds_its_order_nevertheless(shop: Shop) -> None:
    """Placed at midnight, and cut a millisecond before it by another writer: the day only says where to look first."""
    midnight = PLACED_AT.replace(hour=0, minute=0, second=0)
    shop.send(placed(1, at=midnight))
    handmade.archive(shop.settings, shop.db, [1])
    shop.send(of_day(stepped(1, DELIVERED, hours=4), midnight - timedelta(milliseconds=1)))

    assert bring_back(shop).brought_back == 1
    shop.assert_same_as_without_archive()
