"""Every offset is accounted for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecom_platform.kafka.held import Held
from ecom_platform.kafka.topic import OpenTransaction, TopicState
from ecom_platform.reconcile.topic_equations import LateEvents, applied_equation, topic_equations
from ecom_platform.store import Counters, PartitionOffsets
from ecom_platform.store.late_events import LateOutcomes
from ecom_platform.streaming.lag import lag_of

TOPIC = TopicState("orders", "id", begin={0: 0}, end={0: 120})
PART = PartitionOffsets("orders", 0, "id", 0, 100, 1, Counters(80, 5, 4, 3, 2, 6), None, None)
LATE = LateEvents(waiting=1, became=LateOutcomes(applied=1, duplicate=1))


def verdicts(
    topic: TopicState, part: PartitionOffsets, dead: int = 4, late: LateEvents = LATE
) -> dict[str, bool | None]:
    """What holds, by name."""
    return {equation.name: equation.holds for equation in topic_equations(topic, {0: part}, {0: dead}, {0: late})}


def test_all_six_counters_together_make_the_offsets_that_were_read() -> None:
    """80 + 5 + 4 + 3 + 2 + 6 = 100."""
    assert verdicts(TOPIC, PART) == {
        "orders-0 offsets": True,
        "orders-0 in the topic": True,
        "orders-0 dead letters": True,
        "orders-0 late events": True,
    }


def test_late_events_wait_or_became_something() -> None:
    """An impossible one became a dead letter that the stream itself did not count."""
    impossible = replace(LATE, became=LateOutcomes(applied=1, dead=1))

    assert verdicts(TOPIC, PART, dead=5, late=impossible)["orders-0 late events"] is True
    assert verdicts(TOPIC, PART, dead=5, late=impossible)["orders-0 dead letters"] is True
    assert verdicts(TOPIC, PART, dead=4, late=impossible)["orders-0 dead letters"] is False
    assert verdicts(TOPIC, PART, late=replace(LATE, waiting=0))["orders-0 late events"] is False
    assert verdicts(TOPIC, PART, late=LateEvents())["orders-0 late events"] is False


@pytest.mark.parametrize("counter", ["applied", "duplicate", "dead", "late", "gap", "lost"])
def test_one_too_many_in_any_counter_breaks_it(counter: str) -> None:
    """None of them is forgotten in the sum."""
    counters = replace(PART.counters, **{counter: getattr(PART.counters, counter) + 1})

    assert verdicts(TOPIC, replace(PART, counters=counters))["orders-0 offsets"] is False


@pytest.mark.parametrize(
    ("begin", "end", "first", "holds"),
    [
        (0, 100, 0, True),
        (0, 99, 0, False),  # the broker lost its end
        (60, 120, 0, True),  # the log was cut behind the stream: everything in it had been read
        (100, 120, 0, True),
        (101, 120, 0, False),  # deleted before it was read
        (10, 120, 20, False),  # began in the middle
    ],
)
def test_the_stream_stands_inside_of_the_log_and_left_nothing_out(
    begin: int, end: int, first: int, holds: bool
) -> None:
    """First ≤ log start ≤ next ≤ log end."""
    topic = TopicState("orders", "id", begin={0: begin}, end={0: end})

    assert verdicts(topic, replace(PART, first=first))["orders-0 in the topic"] is holds


def test_a_partition_that_the_stream_has_not_begun_waits() -> None:
    """It is lag, not loss."""
    topic = TopicState("orders", "id", begin={0: 0, 1: 5}, end={0: 100, 1: 12})
    equations = {equation.name: equation for equation in topic_equations(topic, {0: PART}, {0: 4}, {0: LATE})}

    assert equations["orders-1 offsets"].holds
    assert "7 events wait" in equations["orders-1 offsets"].detail
    assert lag_of(topic, {0: PART}).total == 7


def test_events_behind_an_open_transaction_are_lag_and_said_to_be_held_back() -> None:
    """The stream has read up to where the transaction begins; ten acknowledged events stand behind that."""
    since = datetime(2026, 11, 23, 12, tzinfo=UTC)
    topic = replace(TOPIC, end={0: 110}, open={0: OpenTransaction(100, since)})
    equations = {equation.name: equation for equation in topic_equations(topic, {0: PART}, {0: 4}, {0: LATE})}

    assert equations["orders-0 in the topic"].holds
    assert "lag 10, 10 of it behind an open transaction" in equations["orders-0 in the topic"].detail
    assert lag_of(topic, {0: PART}).total == 10
    assert lag_of(topic, {0: PART}).held == [Held(0, 10, since)]


def test_a_partition_that_the_broker_does_not_have_is_an_error() -> None:
    """Somebody's topic is gone."""
    topic = TopicState("orders", "id", begin={}, end={})

    assert verdicts(topic, PART)["orders-0 in the topic"] is False


@pytest.mark.parametrize(("receipts", "holds"), [(10, True), (9, False), (11, False)])
def test_applied_events_are_orders_their_later_steps_and_receipts(receipts: int, holds: bool) -> None:
    """50 + 20 + 10 = 80."""
    assert applied_equation({0: PART}, 0, orders=50, steps=20, receipts=receipts).holds is holds
