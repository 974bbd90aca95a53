"""The stream, the archive and the bringing back of orders at once: every order ends as without an archive."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecom_platform.archive.rehydrate_transaction import Rehydrated
from ecom_platform.contract import Event, Status
from ecom_platform.store.late_events import count_waiting
from ecom_platform.streaming import sink as sink_module
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.rehydration.coming_back import (
    Killed,
    assert_accounted,
    bring_back,
    during_the_commit,
    hot_ids,
)
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import placed, stepped

SHIPPED, DELIVERED, RETURNED, CANCELLED = Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED


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
    assert archived.sink.archived._kept.epoch == 1


def test_a_run_that_was_revoked_archives_nothing(shop: Shop) -> None:
    """Older versions took a run back after its commit; the stream follows the epoch."""
    shop.send(placed(1), placed(2))
    handmade.commit(shop.settings, shop.db, [1, 2])
    shop.send(stepped(1, SHIPPED))
    shop.db.archive_manifests.update_one({}, {"$set": {"state": "REVOKED"}})
    shop.db.archived_ids.delete_many({})
    shop.db.archive_state.update_one({"_id": "archive"}, {"$inc": {"epoch": 1}})

    shop.send(stepped(2, SHIPPED), stepped(1, DELIVERED, hours=3))

    assert (shop.offsets.counters.applied, shop.offsets.counters.late) == (5, 0)
