"""What a chunk of records makes the stream write."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from ecom_platform.contract import Event, Reason, Status
from ecom_platform.kpi import Rollups, accumulate_receipt
from ecom_platform.streaming.fold import ChunkWrites, Known, fold_chunk, order_ids, receipt_ids
from ecom_platform.streaming.records import Record, decode_records
from ecom_platform_tests.kpi.stored import rollups_of
from ecom_platform_tests.streaming.events import (
    HISTORY_START,
    NOW,
    PLACED_AT,
    TABLES,
    placed,
    received,
    records,
    stepped,
)

SHIPPED, DELIVERED, RETURNED, CANCELLED = Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED


class Memory:
    """A store in a dictionary: keeps what the chunks write, the way the sink does."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.receipts: set[str] = set()
        self.dead: dict[int, Reason] = {}
        self.rollups: Counter[tuple[str, str, str]] = Counter()
        self.next = 0

    def apply(self, *events: Event | bytes | None) -> ChunkWrites:
        """Fold one chunk of new messages and keep its writes."""
        made = records(events, self.next)
        self.next += len(made)
        return self.read(made)

    def read(self, made: list[Record]) -> ChunkWrites:
        """Fold one chunk of records, which may have been read before, and keep its writes."""
        known = Known(dict(self.orders), set(self.receipts), set(self.dead))
        writes = fold_chunk(decode_records(made, HISTORY_START), known, TABLES, "orders", 0)
        for document in writes.inserts:
            assert self.orders.setdefault(document["_id"], document) is document
        for update in writes.updates:
            assert self.orders[update.order_id]["version"] == update.before_version
            self.orders[update.order_id] = update.after
        for receipt in writes.receipts:
            assert receipt["_id"] not in self.receipts
            self.receipts.add(receipt["_id"])
        for record, rejected in writes.dead_letters:
            assert record.offset not in self.dead
            self.dead[record.offset] = rejected.reason
        self.rollups.update(amounts(writes.rollups))
        return writes

    def status(self, order_id: int) -> str:
        """Where an order stands."""
        return str(self.orders[order_id]["delivery"]["status"])


def amounts(rollups: Rollups) -> dict[tuple[str, str, str], int]:
    """Every amount by document and path."""
    return {(i.collection, i.id, path): n for i in rollups.increments(0, NOW) for path, n in i.amounts.items()}


def counts(writes: ChunkWrites) -> tuple[int, int, int]:
    """Applied, duplicate, dead."""
    return writes.counters["applied"], writes.counters["duplicate"], writes.counters["dead"]


def writes_nothing(writes: ChunkWrites) -> bool:
    """Whether the chunk leaves every fact as it is."""
    return not (writes.inserts or writes.updates or writes.receipts or writes.dead_letters)


def reasons(writes: ChunkWrites) -> list[Reason]:
    """Why messages of the chunk are dead, in order."""
    return [rejected.reason for _, rejected in writes.dead_letters]


def test_a_whole_life_in_one_chunk_is_one_insert() -> None:
    """In its last state, with its whole history, counted once."""
    store = Memory()
    writes = store.apply(placed(1), stepped(1, SHIPPED, hours=1), stepped(1, DELIVERED, hours=2))

    assert (len(writes.inserts), len(writes.updates)) == (1, 0)
    assert store.status(1) == "Delivered"
    assert [step["status"] for step in store.orders[1]["delivery"]["history"]] == ["Pending", "Shipped", "Delivered"]
    assert store.orders[1]["src"] == {"partition": 0, "offset": 0}
    assert counts(writes) == (3, 0, 0)


def test_several_steps_of_a_stored_order_are_one_update() -> None:
    """Conditional on the version that was read."""
    store = Memory()
    store.apply(placed(1))
    writes = store.apply(stepped(1, SHIPPED), stepped(1, DELIVERED, hours=2))

    assert not writes.inserts
    (update,) = writes.updates
    assert (update.order_id, update.before_version, update.after["version"]) == (1, 1, 3)


@pytest.mark.parametrize("cut", [True, False], ids=["across chunks", "in one chunk"])
def test_a_repeated_message_is_a_duplicate(cut: bool) -> None:
    """Orders by id, steps by status, receipts by event id; nothing is written for them."""
    events = [placed(1), stepped(1, SHIPPED), received("r1")]
    store = Memory()
    if cut:
        store.apply(*events)
        again = store.apply(*events)
        assert writes_nothing(again)
        assert amounts(again.rollups) == {}
        assert counts(again) == (0, 3, 0)
    else:
        assert counts(store.apply(*events, *events)) == (3, 3, 0)

    expected = Memory()
    expected.apply(*events)
    assert store.orders == expected.orders
    assert store.rollups == expected.rollups


def test_a_second_order_with_a_used_id_changes_nothing() -> None:
    """Whatever else differs in it."""
    store = Memory()
    store.apply(placed(1))
    before = store.orders[1]
    writes = store.apply(placed(1, courier_id=77, at=PLACED_AT - timedelta(hours=1)))

    assert counts(writes) == (0, 1, 0)
    assert store.orders[1] is before


def test_an_old_step_that_comes_again_is_a_duplicate() -> None:
    """Shipped after Delivered, when Shipped is in the history."""
    store = Memory()
    store.apply(placed(1), stepped(1, SHIPPED), stepped(1, DELIVERED, hours=2))

    assert counts(store.apply(stepped(1, SHIPPED))) == (0, 1, 0)


@pytest.mark.parametrize("jump", [DELIVERED, RETURNED])
def test_a_forward_jump_is_applied(jump: Status) -> None:
    """Shops lose messages."""
    store = Memory()
    store.apply(placed(1))

    assert counts(store.apply(stepped(1, jump))) == (1, 0, 0)
    assert store.status(1) == jump


@pytest.mark.parametrize(
    ("life", "step"),
    [
        ((DELIVERED,), SHIPPED),
        ((DELIVERED,), CANCELLED),
        ((RETURNED,), DELIVERED),
        ((CANCELLED,), SHIPPED),
        ((SHIPPED, CANCELLED), DELIVERED),
    ],
)
@pytest.mark.parametrize("cut", [True, False], ids=["across chunks", "in one chunk"])
def test_a_step_backwards_is_an_illegal_transition(life: tuple[Status, ...], step: Status, cut: bool) -> None:
    """A dead letter; the order stays as it is."""
    store = Memory()
    events = [placed(1), *(stepped(1, status) for status in life)]
    if cut:
        store.apply(*events)
        writes = store.apply(stepped(1, step))
    else:
        writes = store.apply(*events, stepped(1, step))

    assert reasons(writes) == [Reason.ILLEGAL_TRANSITION]
    assert store.status(1) == life[-1]


def test_an_update_before_its_order_is_an_unknown_order() -> None:
    """It stays dead when the order comes after it."""
    store = Memory()
    writes = store.apply(stepped(1, SHIPPED), placed(1))

    assert reasons(writes) == [Reason.UNKNOWN_ORDER]
    assert store.status(1) == "Pending"


def test_a_step_of_another_delivery_is_an_id_mismatch() -> None:
    """The order exists, but that is not its delivery."""
    store = Memory()
    store.apply(placed(1))
    event = stepped(1, SHIPPED)
    wrong = msgspec.structs.replace(event, delivery=msgspec.structs.replace(event.delivery, delivery_id=2))

    assert reasons(store.apply(wrong)) == [Reason.ID_MISMATCH]
    assert store.status(1) == "Pending"


@pytest.mark.parametrize("milliseconds", [2, -2, -86_400_000])
@pytest.mark.parametrize("life", [(), (SHIPPED,)], ids=["new", "repeated"])
def test_a_step_that_names_another_order_time_is_dead_whatever_was_read_before(
    life: tuple[Status, ...], milliseconds: int
) -> None:
    """Its verdict depends on its order alone, so that a replay gives the same one; the order stays as it is."""
    store = Memory()
    store.apply(placed(1), *(stepped(1, status) for status in life))
    before = store.orders[1]
    event = stepped(1, SHIPPED)
    wrong = msgspec.structs.replace(event, order_time=event.order_time + timedelta(milliseconds=milliseconds))

    made = records([wrong], store.next)
    assert reasons(store.read(made)) == [Reason.ORDER_TIME_MISMATCH]
    assert counts(store.read(made)) == (0, 0, 1)
    assert store.orders[1] is before


@pytest.mark.parametrize("microseconds", [-1_000, -1, 999, 1_000])
def test_an_order_time_that_was_rounded_in_one_message_and_cut_in_another_is_the_same(microseconds: int) -> None:
    """By a millisecond: two writers of one shop."""
    store = Memory()
    store.apply(placed(1))
    event = stepped(1, SHIPPED)
    near = msgspec.structs.replace(event, order_time=event.order_time + timedelta(microseconds=microseconds))

    assert counts(store.apply(near)) == (1, 0, 0)


def test_a_receipt_counts_once() -> None:
    """By its event id, in and across chunks; another id with the same goods counts again."""
    store = Memory()
    first = store.apply(received("r1", 10), received("r1", 99), received("r2", 10))
    second = store.apply(received("r1", 10))

    assert counts(first) == (2, 1, 0)
    assert counts(second) == (0, 1, 0)
    expected = Rollups()
    accumulate_receipt(expected, 3, 1, 20)
    assert store.rollups == amounts(expected)


def test_a_receipt_is_stored_in_utc_milliseconds() -> None:
    """Like every time in the store."""
    event = msgspec.structs.replace(received("r1"), event_time=NOW + timedelta(microseconds=1_999))
    (receipt,) = Memory().apply(event).receipts

    assert receipt["at"] == NOW + timedelta(milliseconds=1)


def test_dead_letters_keep_their_outcome_when_read_again() -> None:
    """After the loss of the offset document: the update of an order that came later must not become valid."""
    store = Memory()
    made = records([stepped(1, SHIPPED), placed(1), b"{"])
    first, again = store.read(made), store.read(made)

    assert counts(first) == (1, 0, 2)
    assert counts(again) == (0, 1, 2)
    assert not again.dead_letters
    assert store.status(1) == "Pending"
    assert again.dead_flags == [True, False, True]


def test_minutes_count_by_kafkas_clock() -> None:
    """What became of the events, and the money of new orders."""
    made = records([placed(1), placed(1), b"{", placed(2)])
    made[3].time_milliseconds += 60_000
    minutes = Memory().read(made).minutes
    first = made[0].time_milliseconds // 60_000

    assert minutes == {
        first: {"applied": 1, "duplicate": 1, "dead": 1, "cents": 2399},
        first + 1: {"applied": 1, "cents": 2399},
    }


def test_the_store_is_asked_only_for_what_the_chunk_names() -> None:
    """Each order once, in order; receipts by event id; nothing for dead messages."""
    made = decode_records(records([placed(5), stepped(2, SHIPPED), placed(5), received("r1"), b"{"]), HISTORY_START)

    assert order_ids(made) == [2, 5]
    assert receipt_ids(made) == ["r1"]


def test_folding_leaves_what_is_known_alone() -> None:
    """A transaction that is tried again folds the same documents again."""
    store = Memory()
    store.apply(placed(1))
    known = Known(store.orders)
    chunk = decode_records(records([stepped(1, SHIPPED)], 1), HISTORY_START)
    first, second = (fold_chunk(chunk, known, TABLES, "orders", 0) for _ in range(2))

    assert first.updates == second.updates
    assert amounts(first.rollups) == amounts(second.rollups)
    assert store.status(1) == "Pending"


def random_topic(seed: int) -> list[Event | bytes | None]:
    """Orders and their lives, shuffled, repeated and damaged."""
    chance = random.Random(seed)
    events: list[Event | bytes | None] = []
    for order_id in range(1, 80):
        life = [
            placed(order_id),
            *(stepped(order_id, s, hours=n) for n, s in enumerate(Status) if chance.random() < 0.5),
        ]
        if chance.random() < 0.2:
            chance.shuffle(life)
        events += life
    events += [received(f"r{chance.randint(1, 20)}") for _ in range(40)]
    events += chance.choices(events, k=80)
    events += [b"{", None, b"[]", b"\xff"] * 5
    if chance.random() < 0.5:
        chance.shuffle(events)
    return events


@pytest.mark.parametrize("seed", range(6))
def test_every_record_is_counted_once(seed: int) -> None:
    """Applied, duplicate and dead add up to the records; flags and minutes tell the same."""
    writes = Memory().apply(*random_topic(seed))
    total = len(random_topic(seed))

    assert sum(counts(writes)) == total == len(writes.dead_flags)
    assert sum(writes.dead_flags) == writes.counters["dead"] == len(writes.dead_letters)
    outcomes = ("applied", "duplicate", "dead")
    assert sum(minute.get(name, 0) for minute in writes.minutes.values() for name in outcomes) == total


@pytest.mark.parametrize("seed", range(6))
def test_how_a_topic_is_cut_into_chunks_does_not_matter(seed: int) -> None:
    """Orders, receipts, dead letters and rollups are those of one record at a time."""
    events = random_topic(seed)
    chance = random.Random(seed)
    one_by_one, whole, cut = Memory(), Memory(), Memory()
    for event in events:
        one_by_one.apply(event)
    whole.apply(*events)
    while cut.next < len(events):
        cut.apply(*events[cut.next : cut.next + chance.randint(1, 50)])

    for other in (whole, cut):
        assert other.orders == one_by_one.orders
        assert other.receipts == one_by_one.receipts
        assert other.dead == one_by_one.dead
        assert +other.rollups == +one_by_one.rollups


@pytest.mark.parametrize("seed", range(6))
def test_rollups_are_the_sum_over_what_is_stored(seed: int) -> None:
    """Differences written on the way equal a recomputation from the orders and receipts at the end."""
    events, store = random_topic(seed), Memory()
    goods: dict[str, int] = {}
    while store.next < len(events):
        writes = store.apply(*events[store.next : store.next + 37])
        goods |= {receipt["_id"]: receipt["quantity"] for receipt in writes.receipts}
    recomputed = rollups_of(store.orders.values())
    for quantity in goods.values():
        accumulate_receipt(recomputed, 3, 1, quantity)

    assert {key: amount for key, amount in store.rollups.items() if amount} == amounts(recomputed)


@pytest.mark.parametrize("seed", range(3))
def test_reading_a_topic_twice_applies_nothing_twice(seed: int) -> None:
    """After the loss of every offset: the second reading finds duplicates and dead letters only."""
    store = Memory()
    made = records(random_topic(seed))
    store.read(made)
    orders, rollups = dict(store.orders), Counter(store.rollups)
    again = store.read(made)

    assert again.counters["applied"] == 0
    assert writes_nothing(again)
    assert (store.orders, store.rollups) == (orders, rollups)


def test_the_days_whose_figures_changed_are_named() -> None:
    """The order's day, the promised day, and the days of the new steps; not those of old ones."""
    store = Memory()

    def days(writes: ChunkWrites) -> set[str]:
        return {str(date(1970, 1, 1) + timedelta(days=number)) for number in writes.touched_days}

    first = store.apply(placed(1), stepped(1, SHIPPED, hours=30))
    second = store.apply(stepped(1, DELIVERED, hours=1))
    day = PLACED_AT.date()
    promised = (PLACED_AT + timedelta(hours=6)).date()
    shipped, arrived = ((PLACED_AT + timedelta(hours=hours)).date() for hours in (30, 1))

    assert days(first) == {str(day), str(promised), str(shipped)}
    assert days(second) == {str(day), str(promised), str(arrived)}
