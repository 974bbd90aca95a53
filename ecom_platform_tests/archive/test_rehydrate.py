"""Archived orders to which something more happens come back, exactly once and in order."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from bson import encode
from pymongo.client_session import ClientSession

from ecom_platform.archive import bring_back as transaction
from ecom_platform.archive import rehydrate as module
from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.holding import LEASE_ROLE
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.rehydrate import Rehydrated, rehydrate, rehydrate_waiting
from ecom_platform.archive.rows import find_orders
from ecom_platform.contract import Event, OrderPlaced, Status
from ecom_platform.errors import AccountingError, Fenced, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase
from ecom_platform.store.late_events import LateOutcomes, count_waiting, read_late_outcomes
from ecom_platform.store.manifests import read_manifests
from ecom_platform.streaming import sink as sink_module
from ecom_platform.streaming.enrich import apply_step, stored_order
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.shops import Shop, make_shop
from ecom_platform_tests.contract import random_events
from ecom_platform_tests.streaming.events import PLACED_AT, TABLES, placed, stepped

pytestmark = pytest.mark.servers

SHIPPED, DELIVERED, RETURNED, CANCELLED = Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED


@pytest.fixture
def shop(settings: Settings, db: MongoDatabase) -> Iterator[Shop]:
    """An empty shop, with its double that never archives."""
    shadow = db.client.get_database(f"{db.name}_shadow", db.codec_options)
    yield make_shop(settings, db, shadow)
    db.client.drop_database(shadow.name)


@pytest.fixture
def archived(shop: Shop) -> Shop:
    """Orders 1 to 6, shipped, archived by run-1."""
    shop.send(*(placed(number) for number in range(1, 7)), *(stepped(number, SHIPPED) for number in range(1, 7)))
    handmade.archive(shop.settings, shop.db, range(1, 7))
    return shop


def bring_back(shop: Shop) -> Rehydrated:
    """Rehydrate as a sensor's run does."""
    return rehydrate_waiting(shop.settings, shop.db, "a test")


def hot_ids(shop: Shop) -> list[int]:
    """Orders in MongoDB."""
    return sorted(order["_id"] for order in shop.db.orders.find({}, {"_id": 1}))


def assert_accounted(shop: Shop) -> None:
    """Every offset has an outcome, and every late event waits or became something."""
    counters = shop.offsets.counters
    consumed = read_late_outcomes(shop.db, shop.settings.topic).get(0, LateOutcomes())
    assert counters.total == shop.offsets.next - shop.offsets.first
    assert counters.late == count_waiting(shop.db) + consumed.total


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


TOPIC = [
    *(placed(number) for number in range(1, 7)),
    *(stepped(number, SHIPPED) for number in range(1, 7)),
    stepped(1, CANCELLED, hours=2),
    stepped(1, DELIVERED, hours=3),  # impossible
    placed(2),
    b"{",
]


@pytest.mark.parametrize("offsets_lost", [False, True])
def test_a_replay_of_the_whole_topic_brings_nothing_back_and_changes_no_figure(shop: Shop, offsets_lost: bool) -> None:
    """Checkpoint lost, or the offset documents too: duplicates and known dead letters only."""
    shop.send(*TOPIC)
    handmade.archive(shop.settings, shop.db, range(1, 7))
    before, figures = shop.orders(), rollups_of(shop)
    letters = list(shop.db.dead_letters.find())

    shop.replay(TOPIC, offsets_lost=offsets_lost)

    assert (hot_ids(shop), count_waiting(shop.db)) == ([], 0)
    assert (shop.orders(), rollups_of(shop), list(shop.db.dead_letters.find())) == (before, figures, letters)
    assert bring_back(shop) == Rehydrated()


def test_a_replay_finds_waiting_events_waiting_and_applied_ones_applied(archived: Shop) -> None:
    """Late events keep their outcome; what was brought back is recognized by its history."""
    topic = [*TOPIC[:12], stepped(1, DELIVERED, hours=4), stepped(2, DELIVERED, hours=4)]
    archived.send(topic[12])
    bring_back(archived)
    archived.send(topic[13])

    archived.replay(topic, offsets_lost=True)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([1], 1)
    assert archived.offsets.counters.late == 1
    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)
    archived.assert_same_as_without_archive()


def test_rows_copied_after_the_frontier_make_a_replayed_step_a_duplicate_in_the_end(archived: Shop) -> None:
    """Between the frontier and the reading of the rows the stream goes on; such a step waits, and proves known."""
    archived.db.archive_manifests.update_one({}, {"$set": {"frontier.next.0": 6}})
    archived.db.archive_state.update_one({"_id": "archive"}, {"$inc": {"epoch": 1}})
    archived.db.archive_manifests.update_one({}, {"$inc": {"epoch": 1}})

    archived.replay(TOPIC[:12], offsets_lost=True)

    assert count_waiting(archived.db) == 6
    assert bring_back(archived) == Rehydrated(duplicate=6)
    assert hot_ids(archived) == []


def test_an_update_that_meets_the_purge_of_its_order_is_applied_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge wins while the chunk is being folded: the chunk conflicts, is read again, and sets the event aside."""
    shop.send(placed(1), placed(2))
    handmade.commit(shop.settings, shop.db, [1, 2])
    fold = sink_module.fold_chunk
    purges = iter([lambda: handmade.purge(shop.db, "run-1", [1, 2])])

    def purge_once_and_fold(*arguments: Any) -> Any:
        next(purges, lambda: None)()
        return fold(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(sink_module, "fold_chunk", purge_once_and_fold)
        shop.send_archived(stepped(1, SHIPPED))
    shop.send_shadow(stepped(1, SHIPPED))

    assert (hot_ids(shop), count_waiting(shop.db)) == ([], 1)
    bring_back(shop)
    shop.assert_same_as_without_archive()
    assert_accounted(shop)


def test_an_update_before_the_purge_keeps_its_order_hot(shop: Shop) -> None:
    """The copy in the archive is older: the delete by version does not find it."""
    shop.send(placed(1), placed(2))
    handmade.commit(shop.settings, shop.db, [1, 2])
    shop.send(stepped(1, SHIPPED))

    deleted = shop.db.orders.delete_many({"_id": {"$in": [1, 2]}, "version": 1}).deleted_count

    assert (deleted, hot_ids(shop), count_waiting(shop.db)) == (1, [1], 0)


def rollups_of(shop: Shop) -> Any:
    """Every amount of the rollups."""
    return [list(shop.db[name].find().sort("_id")) for name in ("kpi_minute", "kpi_cube", "kpi_product", "stock")]


def during_the_commit(monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Let something happen once, at the last moment before a rehydration commits."""
    count, pending = transaction.add_late_outcomes, [happens]

    def interrupted(db: MongoDatabase, outcomes: Any, session: ClientSession) -> None:
        count(db, outcomes, session)
        if pending:
            pending.pop()()

    monkeypatch.setattr(transaction, "add_late_outcomes", interrupted)


def test_an_event_that_arrives_while_its_order_comes_back_is_not_lost_and_not_out_of_order(
    archived: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither sees the other: the event waits beside the hot order, and what follows waits behind it."""
    archived.send(stepped(1, DELIVERED, hours=4))
    late = stepped(1, RETURNED, hours=6)
    during_the_commit(monkeypatch, lambda: archived.send_archived(late))
    assert bring_back(archived).brought_back == 1
    archived.send_shadow(late)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([1], 1)
    archived.send(stepped(1, CANCELLED, hours=7))  # impossible after the one that waits
    assert count_waiting(archived.db) == 2

    assert bring_back(archived) == Rehydrated(updated=1, applied=1, dead=1)
    archived.assert_same_as_without_archive()
    assert archived.db.dead_letters.count_documents({}) == archived.shadow.db.dead_letters.count_documents({}) == 1
    assert_accounted(archived)


def test_while_stream_and_rehydration_run_side_by_side_every_order_ends_as_without_an_archive(shop: Shop) -> None:
    """Steps in random chunks, rehydration again and again beside them."""
    numbers = range(1, 41)
    shop.send(*map(placed, numbers))
    handmade.archive(shop.settings, shop.db, numbers)
    chance = random.Random(7)
    lives: list[list[Event]] = [
        [stepped(n, status, hours=hours) for hours, status in enumerate((SHIPPED, SHIPPED, DELIVERED, RETURNED), 1)]
        for n in numbers
    ]
    topic = []
    while left := [life for life in lives if life]:
        topic.append(chance.choice(left).pop(0))

    def stream() -> None:
        for first in range(0, len(topic), 4):
            shop.send_archived(*topic[first : first + 4])

    with ThreadPoolExecutor(1) as pool:
        streaming = pool.submit(stream)
        runs = [bring_back(shop)]
        while not streaming.done():
            runs.append(bring_back(shop))
        streaming.result()
    bring_back(shop)
    shop.send_shadow(*topic)

    assert len(runs) > 1
    assert count_waiting(shop.db) == 0
    shop.assert_same_as_without_archive()
    assert_accounted(shop)


class Killed(BaseException):
    """The process is gone."""


def test_a_rehydration_killed_before_its_commit_changed_nothing_and_is_repeated(
    archived: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All or nothing."""
    archived.send(stepped(1, DELIVERED, hours=4))
    figures = rollups_of(archived)

    def die() -> None:
        raise Killed

    during_the_commit(monkeypatch, die)
    with pytest.raises(Killed):
        bring_back(archived)

    assert (hot_ids(archived), count_waiting(archived.db), handmade.superseded(archived.db)) == ([], 1, set())
    assert rollups_of(archived) == figures
    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)
    archived.assert_same_as_without_archive()


def test_a_rehydration_killed_after_its_commit_has_nothing_left_to_do(archived: Shop) -> None:
    """What was consumed is gone with the same commit."""
    archived.send(stepped(1, DELIVERED, hours=4))
    lease = Lease.acquire(archived.db, LEASE_ROLE, "the one that dies after its commit")
    rehydrate(archived.settings, archived.db, lease)
    lease.release()

    assert bring_back(archived) == Rehydrated()
    archived.assert_same_as_without_archive()


DIE_AT = """
import os, sys
from ecom_platform.archive import bring_back, rehydrate
from ecom_platform.settings import Settings
from ecom_platform.store import database
settings = Settings(**dict(zip(("mongodb_uri", "mongodb_database", "hdfs_uri", "topic"), sys.argv[2:], strict=True)))
for module in (bring_back, rehydrate):
    setattr(module, sys.argv[1], lambda *_, **__: os._exit(9))
rehydrate.rehydrate_waiting(settings, database(settings), "the one that dies")
os._exit(9)
"""
POINTS = ("find_orders", "_write_orders", "_supersede", "_consume", "add_late_outcomes", "no such place: at the end")


@pytest.mark.full
@pytest.mark.parametrize("point", POINTS)
def test_a_rehydration_whose_process_dies_is_repeated_wherever_it_was(archived: Shop, point: str) -> None:
    """The lease of a process that is gone is free; a transaction it left open ends by itself on the server."""
    archived.send(stepped(1, DELIVERED, hours=4), stepped(2, CANCELLED, hours=4))
    settings = archived.settings
    named = (settings.mongodb_uri, settings.mongodb_database, settings.hdfs_uri, settings.topic)
    assert subprocess.run([sys.executable, "-c", DIE_AT, point, *named], check=False).returncode == 9

    repeated = bring_back(archived)

    assert repeated.brought_back == (0 if point == POINTS[-1] else 2)
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


def test_while_an_archiver_lives_nobody_else_brings_orders_back(archived: Shop) -> None:
    """The holder does it itself."""
    archived.send(stepped(1, DELIVERED, hours=4))
    lease = Lease.acquire(archived.db, LEASE_ROLE, "an archive run")

    with pytest.raises(Fenced, match="an archive run"):
        bring_back(archived)
    assert rehydrate(archived.settings, archived.db, lease).brought_back == 1


def test_a_holder_that_lost_its_lease_commits_nothing(archived: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it was taken over between the look at the lease and the transaction."""
    archived.send(stepped(1, DELIVERED, hours=4))
    late = Lease.acquire(archived.db, LEASE_ROLE, "the late one")
    find = module.find_orders

    def find_while_another_takes_over(*arguments: Any) -> Any:
        archived.db.leases.update_one({"_id": LEASE_ROLE}, {"$inc": {"token": 1}, "$set": {"owner": "the next one"}})
        return find(*arguments)

    monkeypatch.setattr(module, "find_orders", find_while_another_takes_over)
    with pytest.raises(Fenced, match="the late one"):
        rehydrate(archived.settings, archived.db, late)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([], 1)


@pytest.mark.parametrize("damage", [b"", b"PAR1 these are no columns PAR1"], ids=["missing", "damaged"])
def test_orders_whose_file_cannot_be_read_wait_and_the_others_come_back(shop: Shop, damage: bytes) -> None:
    """A clear sentence; after the file is restored the next run does the rest."""
    yesterday = PLACED_AT - timedelta(days=1)
    shop.send(placed(1), placed(2, at=yesterday))
    handmade.archive(shop.settings, shop.db, [1, 2])
    files, paths = arrow_file_system(shop.settings), sorted(f["path"] for f in manifest(shop)["files"])
    with files.open_input_file(f"{ROOT}/{paths[0]}") as stream:
        content = stream.read()
    files.delete_file(f"{ROOT}/{paths[0]}")
    if damage:
        handmade.put(files, paths[0], damage)
    shop.send(stepped(1, SHIPPED), of_day(stepped(2, SHIPPED), yesterday))

    with pytest.raises(UnavailableError, match="still wait"):
        bring_back(shop)
    assert (hot_ids(shop), count_waiting(shop.db)) == ([1], 1)

    handmade.put(files, paths[0], content)
    assert bring_back(shop).brought_back == 1
    shop.assert_same_as_without_archive()


def test_an_event_that_names_a_wrong_day_finds_its_order_nevertheless(archived: Shop) -> None:
    """The day only says where to look first."""
    archived.send(of_day(stepped(1, DELIVERED, hours=4), PLACED_AT - timedelta(days=40)))

    assert bring_back(archived).brought_back == 1
    archived.assert_same_as_without_archive()


def test_an_order_that_is_nowhere_is_reported_and_holds_nobody_up(archived: Shop) -> None:
    """As a file that lost a row would leave it."""
    archived.db.archive_manifests.update_one({}, {"$set": {"superseded": handmade.bitmap([2])}})
    archived.send_archived(stepped(1, DELIVERED, hours=4), stepped(2, DELIVERED, hours=4))

    with pytest.raises(AccountingError, match=r"1 orders .* \(2\)"):
        bring_back(archived)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([1], 1)


def test_an_event_whose_outcome_cannot_be_stored_becomes_a_dead_letter(archived: Shop) -> None:
    """Of many orders only that one stays as it was."""
    day = f"{PLACED_AT:%Y-%m-%d}"
    archived.send_archived(placed(9, courier_id=99))
    handmade.archive(archived.settings, archived.db, [9], "run-2")
    archived.db.kpi_cube.insert_one({"_id": f"P/day/{day}/3/99/-1", "payment": "not an object"})
    archived.send_archived(*(stepped(number, DELIVERED, hours=4) for number in (1, 2, 3, 9)))

    assert bring_back(archived) == Rehydrated(brought_back=3, applied=3, dead=1)

    assert [letter["reason"] for letter in archived.db.dead_letters.find()] == ["not_storable"]
    assert hot_ids(archived) == [1, 2, 3]
    assert_accounted(archived)


def test_what_an_aborted_chunk_read_of_the_archive_is_not_remembered(
    archived: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that loses its last writes may give the same epoch to something else."""
    kept = archived.sink.archived._kept

    def fail(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sink_module, "fold_chunk", fail)
        with pytest.raises(Killed):
            archived.send_archived(stepped(1, DELIVERED))
    assert archived.sink.archived._kept is kept

    archived.send_archived(stepped(1, DELIVERED))
    assert archived.sink.archived._kept.ids.epoch == 1


def test_a_run_that_was_revoked_archives_nothing(shop: Shop) -> None:
    """The stream follows the epoch back as well."""
    shop.send(placed(1), placed(2))
    handmade.commit(shop.settings, shop.db, [1, 2])
    shop.send(stepped(1, SHIPPED))
    shop.db.archive_manifests.update_one({}, {"$set": {"state": "REVOKED"}})
    shop.db.archived_ids.delete_many({})
    shop.db.archive_state.update_one({"_id": "archive"}, {"$inc": {"epoch": 1}})

    shop.send(stepped(2, SHIPPED), stepped(1, DELIVERED, hours=3))

    assert (shop.offsets.counters.applied, shop.offsets.counters.late) == (5, 0)


def manifest(shop: Shop) -> dict[str, Any]:
    """The only manifest."""
    return shop.db.archive_manifests.find_one()


def of_day(event: Any, placed_at: Any) -> Any:
    """The event, saying that its order was placed then."""
    assert not isinstance(event, OrderPlaced)
    event.order_time = placed_at
    return event
