"""Events behind a transaction that is still open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ecom_platform.kafka.held import Held, held_sentence
from ecom_platform.kafka.topic import OpenTransaction, TopicState
from ecom_platform.store import Counters, PartitionOffsets, Progress
from ecom_platform.streaming.heartbeat import still_open
from ecom_platform.streaming.lag import lag_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=10)
STORED = PartitionOffsets("orders", 0, "id", 0, 100, 1, Counters(applied=100), None, None)


def topic(first: int, since: datetime | None = EARLIER) -> TopicState:
    """One partition of 151 offsets, with a transaction open since offset `first`."""
    return TopicState("orders", "id", {0: 0}, {0: 151}, {0: OpenTransaction(first, since)})


def test_the_lag_counts_what_cannot_be_read_yet() -> None:
    """Fifty acknowledged orders behind one open record are 51 events that wait, not none."""
    lag = lag_of(topic(first=100), {0: STORED})

    assert lag.total == 51
    assert lag.held == [Held(0, 51, EARLIER)]


def test_what_can_be_read_is_not_held_back() -> None:
    """Of 51 events, the 20 before the transaction only wait for the stream."""
    (held,) = lag_of(topic(first=120), {0: STORED}).held

    assert held.events == 31


def test_the_time_comes_from_the_stream_where_kafka_does_not_tell_it() -> None:
    """Dagster's role may not ask who writes to the topic; the stream's heartbeat may be read by everybody."""
    beat = Progress("orders", 0, 100, 151, 51, None, NOW, 1, 0.1, 1, held=51, held_since=EARLIER)

    assert lag_of(topic(first=100, since=None), {0: STORED}, {0: beat}).held[0].since == EARLIER
    assert lag_of(topic(first=100, since=None), {0: STORED}).held[0].since is None


def test_a_transaction_that_goes_on_writing_becomes_no_younger() -> None:
    """Its first sight counts; the next one of the same partition begins with its own."""
    seen = still_open({}, {0: OpenTransaction(100)}, EARLIER)
    again = still_open(seen, {0: OpenTransaction(100, NOW)}, NOW)

    assert again == {0: OpenTransaction(100, EARLIER)}
    assert still_open(again, {0: OpenTransaction(140, NOW)}, NOW) == {0: OpenTransaction(140, NOW)}
    assert still_open(again, {}, NOW) == {}


def test_a_person_reads_how_many_since_when_and_where() -> None:
    """And nothing at all where nothing waits."""
    several = [Held(0, 51, NOW), Held(1, 0, None), Held(3, 9, EARLIER)]

    assert held_sentence(several) == (
        "60 of them are held back by an open transaction since 2026-11-23 11:50:00 UTC (partitions 0, 3)."
    )
    assert held_sentence([Held(2, 5, None)]) == "5 of them are held back by an open transaction (partition 2)."
    assert held_sentence([]) == ""


def test_the_offsets_of_another_topic_are_told_apart_from_a_lag() -> None:
    """A topic that was created again and has more events than the old one looks like a small lag."""
    assert [part.replaced for part in lag_of(topic(first=151), {0: STORED}).partitions] == [False]

    other = TopicState("orders", "another id", {0: 0}, {0: 151})
    assert [part.replaced for part in lag_of(other, {0: STORED}).partitions] == [True]
