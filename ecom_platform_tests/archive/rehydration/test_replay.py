"""A replay of events of archived orders: what was applied is known, and nothing comes back for it."""

from __future__ import annotations

import pytest

from ecom_platform.archive.rehydrate_transaction import Rehydrated
from ecom_platform.contract import Status
from ecom_platform.store.late_events import count_waiting
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.rehydration.coming_back import bring_back, hot_ids, rollups_of
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import placed, stepped

SHIPPED, DELIVERED, CANCELLED = Status.SHIPPED, Status.DELIVERED, Status.CANCELLED


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
