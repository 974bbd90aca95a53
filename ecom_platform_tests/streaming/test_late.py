"""What the fold makes of events of orders that are archived, or that wait for their late events."""

from __future__ import annotations

from typing import Any

import pytest

from ecom_platform.contract import Event, Reason, Status
from ecom_platform.store.archived import Archived
from ecom_platform.store.manifests import Frontier
from ecom_platform.streaming.enrich import stored_order
from ecom_platform.streaming.fold import ChunkWrites, Known, fold_chunk
from ecom_platform.streaming.records import decode_records
from ecom_platform_tests.streaming.events import HISTORY_START, NOW, TABLES, placed, records, stepped

SHIPPED, DELIVERED, CANCELLED = Status.SHIPPED, Status.DELIVERED, Status.CANCELLED
ARCHIVED = {1: Archived("run-1", Frontier("topic", {0: 100}))}


def hot(order_id: int = 1) -> dict[str, Any]:
    """A pending order as it is stored."""
    return stored_order(placed(order_id), None, TABLES, {"partition": 0, "offset": 0})


def fold(events: list[Event | bytes], first_offset: int, known: Known) -> ChunkWrites:
    """Fold a chunk that begins at an offset of partition 0."""
    return fold_chunk(decode_records(records(events, first_offset), HISTORY_START), known, TABLES, "orders", 0)


def known(**parts: Any) -> Known:
    """What the store knows: by default order 1 archived up to offset 100 and nothing else."""
    return Known(**{"orders": {}, "archived": ARCHIVED, "topic_id": "topic", **parts})


def changes(writes: ChunkWrites) -> int:
    """How many facts the chunk changes."""
    return len(writes.inserts) + len(writes.updates) + len(writes.rollups.increments(0, NOW)) + len(writes.touched_days)


WAITS = {"orders": {1: hot()}, "archived": {}, "waiting": {1: "run-7"}}


@pytest.mark.parametrize(
    ("events", "offset", "store", "outcome"),
    [
        *(pytest.param([placed(1)], offset, {}, "duplicate", id=f"placed again at {offset}")
          for offset in (0, 99, 100, 5_000)),
        pytest.param([stepped(1, SHIPPED)], 5, {"topic_id": "another"}, "late", id="a topic that was created again"),
        pytest.param([placed(1), stepped(1, Status.PENDING)], 0, WAITS, "duplicate", id="what a waiting order has"),
    ],
)  # fmt: skip
def test_an_event_of_an_archived_or_waiting_order_changes_nothing(
    events: list[Event | bytes], offset: int, store: dict[str, Any], outcome: str
) -> None:
    """A repetition is one at once, wherever it stands; offsets of another topic prove nothing, so its event waits."""
    writes = fold(events, offset, known(**store))

    assert writes.counters == {"applied": 0, "duplicate": 0, "dead": 0, "late": 0, outcome: len(events)}
    assert changes(writes) == 0


def test_events_below_the_frontier_are_duplicates_and_those_above_are_late() -> None:
    """What the stream had applied before the run read its rows is in them."""
    writes = fold([stepped(1, SHIPPED), stepped(1, DELIVERED, hours=2)], 99, known())

    assert writes.counters == {"applied": 0, "duplicate": 1, "dead": 0, "late": 1}
    assert [(late.record.offset, late.order_id, late.event_type, late.run) for late in writes.late] == [
        (100, 1, "delivery_updated", "run-1")
    ]
    assert changes(writes) == 0
    assert [minute.get("late") for minute in writes.minutes.values()] == [1]


def test_another_partition_has_a_frontier_of_its_own() -> None:
    """One that the run did not know is at its beginning."""
    elsewhere = {1: Archived("run-1", Frontier("topic", {1: 100}))}

    assert fold([stepped(1, CANCELLED)], 5, known(archived=elsewhere)).late[0].event_type == "order_cancelled"


def test_dead_letters_and_late_events_of_an_earlier_reading_keep_their_outcome() -> None:
    """Also below the frontier, and although the order is archived."""
    writes = fold([stepped(1, SHIPPED), stepped(1, DELIVERED)], 7, known(dead_offsets={7}, late_offsets={8}))

    assert (writes.counters["dead"], writes.counters["late"]) == (1, 1)
    assert (writes.dead_letters, writes.late) == ([], [])


def test_an_order_that_is_hot_again_takes_its_steps_there() -> None:
    """A hot row wins, whatever the bitmaps say."""
    writes = fold([stepped(1, SHIPPED)], 5_000, known(orders={1: hot()}))

    assert (writes.counters["applied"], len(writes.updates)) == (1, 1)


def test_a_hot_order_with_waiting_events_lets_nothing_overtake_them() -> None:
    """A step that could be applied waits behind the one that came before it; so does one that may turn out illegal."""
    writes = fold(
        [stepped(1, DELIVERED, hours=3), stepped(1, SHIPPED), stepped(2, SHIPPED)],
        5_000,
        known(orders={1: hot(), 2: hot(2)}, archived={}, waiting={1: "run-7"}),
    )

    assert writes.counters == {"applied": 1, "duplicate": 0, "dead": 0, "late": 2}
    assert [late.run for late in writes.late] == ["run-7", "run-7"]
    assert [update.order_id for update in writes.updates] == [2]


def test_an_update_of_an_order_that_is_nowhere_is_still_dead() -> None:
    """Archived orders do not excuse unknown ones."""
    writes = fold([stepped(9, SHIPPED)], 5, known())

    assert [rejected.reason for _, rejected in writes.dead_letters] == [Reason.UNKNOWN_ORDER]
