"""One chunk, one transaction, against a real mongod."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from ecom_platform.contract import Status
from ecom_platform.errors import DataLost, Fenced, PoisonedTopic, TopicReplaced, UnavailableError, UsageError
from ecom_platform.kafka.topic import TopicState
from ecom_platform.kpi import accumulate_receipt
from ecom_platform.store import MongoDatabase, ensure_schema, read_offsets
from ecom_platform.streaming.fence import end_sessions, record_session, skip_tail, take_partitions
from ecom_platform.streaming.sink import Sink
from ecom_platform.streaming.skips import Skip
from ecom_platform_tests.kpi.stored import rollups_of, stored_rollups
from ecom_platform_tests.streaming.events import HISTORY_START, NOW, TABLES, placed, received, records, stepped

MakeSink = Callable[..., Sink]


def topic(*, begin: int = 0, end: int = 10_000, topic_id: str = "first") -> TopicState:
    """A topic of one partition."""
    return TopicState("orders", topic_id, {0: begin}, {0: end})


def ends_at(offset: int) -> Callable[[list[int]], dict[int, int]]:
    """The topic ends there."""
    return lambda partitions: dict.fromkeys(partitions, offset)


@pytest.fixture
def make_sink(db: MongoDatabase) -> MakeSink:
    """Take the topic over under a token and return the sink of its only partition."""
    ensure_schema(db)

    def make(token: int = 1, state: TopicState | None = None) -> Sink:
        end_sessions(db, state or topic())
        take_partitions(db, state or topic(), token, ends_at(10_000))
        session = db.client.start_session()
        record_session(db, "orders", 0, session)
        return Sink(db, session, "orders", 0, token, TABLES, HISTORY_START)

    return make


def recomputed_rollups(db: MongoDatabase) -> dict[tuple[str, str, str], int]:
    """The stored rollups, summed from the stored facts."""
    rollups = rollups_of(db.orders.find())
    for receipt in db.stock_receipts.find():
        accumulate_receipt(rollups, receipt["warehouse_id"], receipt["product_id"], receipt["quantity"])
    increments = rollups.increments(0, NOW)
    return {(i.collection, i.id.rpartition("/")[0], path): n for i in increments for path, n in i.amounts.items()}


def test_a_chunk_writes_facts_rollups_dead_letters_and_offsets_together(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    After one commit every record is accounted for, and the rollups equal the sum over the stored orders.
    """
    chunk = [
        placed(1), placed(2), placed(1), stepped(1, Status.SHIPPED), stepped(2, Status.CANCELLED, hours=2),
        stepped(9, Status.SHIPPED), b"{", None, received("r-1"), received("r-1"),
    ]  # fmt: skip
    end = make_sink().commit(0, records(chunk))

    offsets = read_offsets(db, "orders")[0]
    assert end == offsets.next == 10
    assert (offsets.counters.applied, offsets.counters.duplicate, offsets.counters.dead) == (5, 2, 3)
    assert offsets.counters.total == offsets.next - offsets.first
    assert {o["_id"]: o["delivery"]["status"] for o in db.orders.find()} == {1: "Shipped", 2: "Cancelled"}
    assert {d["_id"]: d["reason"] for d in db.dead_letters.find()} == {
        "orders-0-5": "unknown_order",
        "orders-0-6": "bad_json",
        "orders-0-7": "null_value",
    }
    assert stored_rollups(db) == recomputed_rollups(db)
    minutes = list(db.ingest_minute.find())
    # Only the two receipts were sent when they happened; the orders are of the day before.
    assert sum(sum(minute["waited"].values()) for minute in minutes) == 2


def test_a_chunk_that_was_committed_cannot_be_committed_again(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    A second attempt of a task finds the offset moved and writes nothing.
    """
    sink = make_sink()
    sink.commit(0, records([placed(1)]))

    with pytest.raises(UnavailableError, match="stands at 1"):
        sink.commit(0, records([placed(1)]))

    assert read_offsets(db, "orders")[0].counters.total == 1


def test_a_writer_that_was_overtaken_writes_nothing(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    Once a successor took the token, the old writer is fenced, also before its first chunk.
    """
    old = make_sink(token=1)
    new = make_sink(token=2)

    with pytest.raises(Fenced):
        old.commit(0, records([placed(1)]))
    with pytest.raises(Fenced):
        old.position()

    assert db.orders.count_documents({}) == 0
    assert new.commit(0, records([placed(1)])) == 1


def test_an_older_token_cannot_take_over(make_sink: MakeSink) -> None:
    """
    A launcher that was delayed does not push out the one that came after it.
    """
    make_sink(token=5)

    with pytest.raises(Fenced):
        make_sink(token=4)


def test_a_transaction_left_open_by_a_killed_writer_does_not_block_its_successor(
    db: MongoDatabase, make_sink: MakeSink
) -> None:
    """
    The successor kills the sessions it finds recorded before it writes; the open transaction is gone at once.
    """
    dead = make_sink(token=1)
    dead.session.start_transaction()
    db.stream_offsets.update_one({"_id": "orders-0"}, {"$set": {"next": 77}}, session=dead.session)

    started = time.monotonic()
    new = make_sink(token=2)

    assert new.commit(0, records([placed(1)])) == 1
    assert time.monotonic() - started < 10  # the server itself would hold it for at least 15 seconds


def test_one_document_that_cannot_be_stored_does_not_take_its_chunk_with_it(
    db: MongoDatabase, make_sink: MakeSink
) -> None:
    """
    A data error of the server bisects the chunk: the one order is a dead letter, the others are applied.
    """
    sink = make_sink()
    day = f"P/day/{placed(1).order.order_time:%Y-%m-%d}/3/99/0"
    db.kpi_cube.insert_one({"_id": day, "payment": "not an object"})

    sink.commit(0, records([placed(1), placed(2, courier_id=99), placed(3), placed(4)]))

    assert sorted(order["_id"] for order in db.orders.find()) == [1, 3, 4]
    assert [(d["offset"], d["reason"]) for d in db.dead_letters.find()] == [(1, "not_storable")]
    assert read_offsets(db, "orders")[0].counters.total == 4


def test_a_message_larger_than_a_document_is_a_dead_letter_with_its_beginning(
    db: MongoDatabase, make_sink: MakeSink
) -> None:
    """
    A broker takes 17 MB that compress well; the dead letter keeps 64 kB and the digest, and the partition goes on.
    """
    large = b"x" * 17_000_000
    make_sink().commit(0, records([large, placed(1), b"{"]))

    letter, whole = db.dead_letters.find().sort("offset")
    assert (letter["reason"], letter["raw_bytes"], letter["raw"]) == ("not_storable", 17_000_000, large[:65_536])
    assert (letter["raw_sha256"], letter["replayable"]) == (hashlib.sha256(large).hexdigest(), False)
    assert (whole["raw_bytes"], whole["replayable"], "raw_sha256" in whole) == (1, True, False)
    assert db.orders.count_documents({}) == 1


def test_an_empty_tail_is_skipped_once_and_only_from_where_it_was_seen(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    Offsets without records at the end of a batch advance the position; a stale report moves nothing back.
    """
    sink = make_sink()
    sink.commit(0, records([placed(1)]))
    for _ in range(2):
        skip_tail(db, "orders", 1, {0: 4})
    skip_tail(db, "orders", 1, {0: 2})
    skip_tail(db, "orders", 99, {0: 50})

    offsets = read_offsets(db, "orders")[0]
    assert (offsets.next, offsets.counters.gap) == (4, 3)


def test_replaying_a_topic_whose_offsets_were_lost_changes_nothing(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    Without the offset documents everything is read again: duplicates and known dead letters, no new fact.
    """
    chunk = [placed(1), stepped(1, Status.SHIPPED), stepped(2, Status.SHIPPED), placed(2), b"?", received("r")]
    make_sink().commit(0, records(chunk))
    facts, rollups = list(db.orders.find()), stored_rollups(db)
    db.stream_offsets.drop()

    make_sink(token=2).commit(0, records(chunk))

    assert (list(db.orders.find()), stored_rollups(db)) == (facts, rollups)
    counters = read_offsets(db, "orders")[0].counters
    assert (counters.applied, counters.duplicate, counters.dead) == (0, 4, 2)


def test_a_poisoned_topic_stops_the_stream_after_committing_the_chunk(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    100 dead events among the last 400 stop the stream loudly; what was read is applied or kept.
    """
    chunk = [placed(n) for n in range(1, 301)] + [b"garbage"] * 100

    with pytest.raises(PoisonedTopic, match="--accept-dead"):
        make_sink().commit(0, records(chunk))

    assert (db.orders.count_documents({}), db.dead_letters.count_documents({})) == (300, 100)
    assert read_offsets(db, "orders")[0].next == 400


def test_accepting_dead_letters_starts_with_an_empty_window(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    After a person looked at them, the same dead letters do not stop the stream again.
    """
    with pytest.raises(PoisonedTopic):
        make_sink().commit(0, records([b"garbage"] * 100))
    take_partitions(db, topic(), 2, ends_at(10_000), accept_dead=True)

    assert make_sink(token=2).commit(100, records([b"garbage"] * 99, 100)) == 199


def test_offsets_deleted_before_they_were_applied_stop_the_stream_until_accepted(
    db: MongoDatabase, make_sink: MakeSink
) -> None:
    """
    Lost data is never skipped silently; accepted, it is counted.
    """
    make_sink().commit(0, records([placed(1)]))

    with pytest.raises(DataLost, match="--accept-loss"):
        take_partitions(db, topic(begin=6), 2, ends_at(10_000))
    start = take_partitions(db, topic(begin=6), 3, ends_at(10_000), accept_loss=True)

    assert start == {0: 6}
    counters = read_offsets(db, "orders")[0].counters
    assert (counters.lost, counters.total) == (5, 6)


def test_offsets_deleted_in_several_partitions_are_all_named_before_they_are_accepted(
    db: MongoDatabase, make_sink: MakeSink
) -> None:
    """
    Who accepts the loss accepts all of it, and the places of it stay written down.
    """
    make_sink()
    state = TopicState("orders", "first", {0: 0, 1: 0}, {0: 100, 1: 100})
    take_partitions(db, state, 2, lambda _: state.end)
    later = replace(state, begin={0: 5, 1: 7})

    with pytest.raises(DataLost, match=r"12 events of orders-0 \(offsets 0 to 4\), orders-1 \(offsets 0 to 6\)"):
        take_partitions(db, later, 3, lambda _: state.end)
    assert take_partitions(db, later, 4, lambda _: state.end, accept_loss=True) == {0: 5, 1: 7}
    (loss,) = db.stream_offsets.find_one("orders-1")["losses"]
    assert (loss["first"], loss["next"], loss["why"]) == (0, 7, "deleted by Kafka")


def test_unreadable_offsets_are_skipped_where_a_person_says_so_and_counted(
    db: MongoDatabase, make_sink: MakeSink
) -> None:
    """
    Once, and only from where the stream stands; the count and the place stay.
    """
    make_sink().commit(0, records([placed(1)]))
    skip = Skip("orders", 0, 1, 4)
    for token in (2, 3):  # the same command again
        assert take_partitions(db, topic(), token, ends_at(10_000), skips=[skip]) == {0: 5}
    with pytest.raises(UsageError, match="stands at offset 5"):
        take_partitions(db, topic(), 4, ends_at(10_000), skips=[Skip("orders", 0, 7, 9)])
    with pytest.raises(UsageError, match="partitions"):
        take_partitions(db, topic(), 5, ends_at(10_000), skips=[Skip("orders", 1, 0, 9)])

    offsets = read_offsets(db, "orders")[0]
    assert (offsets.next, offsets.counters.lost, offsets.counters.total) == (5, 4, 5)
    (loss,) = db.stream_offsets.find_one("orders-0")["losses"]
    assert (loss["first"], loss["next"], loss["why"]) == (1, 5, "could not be read")


def test_a_chunk_that_the_server_gives_up_is_applied_in_smaller_ones(db: MongoDatabase, make_sink: MakeSink) -> None:
    """
    A slow machine, or a shorter limit for transactions: whatever takes too long is cut until it fits.
    """
    sink = make_sink()
    sizes = []

    class SlowSink(Sink):
        def _set_aside(self, session, writes, now) -> None:  # noqa: ARG002 - as the one it stands in for
            sizes.append(len(writes.inserts))
            if len(writes.inserts) > 2:  # what the server does to a transaction that is open for too long
                self.db.client.admin.command({"killSessions": [{"id": session.session_id["id"]}]})

    slow = SlowSink(**{field.name: getattr(sink, field.name) for field in fields(Sink)})
    assert slow.commit(0, records([placed(number) for number in range(1, 9)])) == 8

    assert sizes == [8, 8, 4, 4, 2, 2, 4, 4, 2, 2]
    assert db.orders.count_documents({}) == 8
    assert read_offsets(db, "orders")[0].counters.total == 8
    assert stored_rollups(db) == recomputed_rollups(db)


@pytest.mark.parametrize("state", [topic(topic_id="second"), topic(end=0)], ids=["another id", "a shorter log"])
def test_a_topic_that_was_replaced_stops_the_stream(db: MongoDatabase, make_sink: MakeSink, state: TopicState) -> None:
    """
    Offsets of a deleted topic mean nothing in its successor, nor in a log that was cut.
    """
    make_sink().commit(0, records([placed(1)]))

    with pytest.raises(TopicReplaced):
        take_partitions(db, state, 2, lambda _: state.end)
