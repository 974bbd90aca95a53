"""What the ledger says the facts must be."""

from __future__ import annotations

import numpy as np
import pytest

from ecom_platform.reconcile.expected import Expectation, LedgerEvent, absent, fold_ledger, place_name, position
from ecom_platform.store import Counters, PartitionOffsets

STORED = {0: PartitionOffsets("orders", 0, "id", 0, 50, 1, Counters(), None, None)}
PENDING, SHIPPED, DELIVERED, RETURNED, CANCELLED = (1 << code for code in range(5))


def event(
    event_id: str, offset: int | None, *, step: str | None = None, expected: str = "applied", order_id: int | None = 7
) -> LedgerEvent:
    """An event; without offset it has no answer. `p…` is placed, `c…` cancelled, `s…` stock, else a step."""
    kind = {"p": "order_placed", "c": "order_cancelled", "s": "stock_received"}.get(event_id[0], "delivery_updated")
    cents = 1_000 if kind == "order_placed" and expected == "applied" else None
    return LedgerEvent(kind, event_id, order_id, step, cents, expected, offset is not None, 0, offset)


def fold(*events: LedgerEvent) -> Expectation:
    """The ledger, with the stream at offset 50."""
    return fold_ledger(events, STORED)


def statuses(*events: LedgerEvent) -> int:
    """The right statuses of the one order in the ledger."""
    return int(fold(*events).orders.statuses[0])


def test_an_empty_ledger_expects_nothing() -> None:
    """A simulator that was started and stopped at once."""
    empty = fold()

    assert (len(empty.orders.ids), empty.sure, empty.applied, empty.tolerance) == (0, 0, 0, 0)


def test_acknowledged_events_are_sure_up_to_the_stream_and_pending_behind_it() -> None:
    """At offset 49 the stream has been, at 50 it has not."""
    found = fold(event("p1", 49, order_id=1), event("p2", 50, order_id=2), event("p3", None, order_id=3))

    assert (found.sure, found.pending, found.maybe) == (1, 1, 1)
    assert found.orders.ids.tolist() == [1, 3]
    assert found.orders.placed.tolist() == [True, False]


def test_a_pending_event_at_the_end_of_the_topic_is_absent() -> None:
    """The end is the next offset that will be given; a partition that does not exist holds nothing."""
    positions = np.array([position(0, 99), position(0, 100), position(1, 0), position(2, 0)])

    assert [place_name(place) for place in absent(positions, {0: 100, 1: 1})] == ["0-100", "2-0"]


@pytest.mark.parametrize(
    ("events", "right"),
    [
        ([event("p", 1)], PENDING),
        ([event("p", 1), event("d1", 2, step="Shipped")], SHIPPED),
        ([event("p", 1), event("d1", 2, step="Shipped"), event("d2", 3, step="Delivered")], DELIVERED),
        ([event("p", 1), event("d2", 2, step="Delivered"), event("d1", 3, step="Shipped")], DELIVERED),
        ([event("p", 1), event("d1", 2, step="Shipped"), event("c1", 3)], CANCELLED),
        ([event("p", 1), event("d1", 60, step="Shipped")], PENDING),
        ([event("p", 1), event("d1", None, step="Shipped")], PENDING | SHIPPED),
        ([event("p", 1), event("c1", None)], PENDING | CANCELLED),
        ([event("p", 1), event("d1", 2)], PENDING | SHIPPED | DELIVERED | RETURNED),
        ([event("p", 1), event("d1", 2, step="Shipped", expected="dead:illegal_transition")], PENDING),
    ],
)  # fmt: skip
def test_the_right_status_is_the_furthest_sure_step_or_a_doubtful_one(events: list[LedgerEvent], right: int) -> None:
    """Pending events and dead letters do not count."""
    assert statuses(*events) == right


def test_events_of_an_order_are_counted_by_identity() -> None:
    """A repetition adds nothing to the history, a doubtful event may."""
    orders = fold(
        event("p", 1), event("p", 2, expected="duplicate"), event("d1", 3), event("d1", 4), event("d2", None)
    ).orders

    assert (orders.events_least.tolist(), orders.events_most.tolist()) == ([2], [3])
    assert orders.total_cents.tolist() == [1_000]


def test_a_message_that_was_sent_again_is_one_application_and_one_duplicate() -> None:
    """Whatever the ledger had planned for it."""
    found = fold(event("p", 1), event("p", 2), event("s1", 3, order_id=None), event("s1", 4, order_id=None))

    assert (found.applied, found.duplicate) == (2, 2)


def test_dead_letters_are_expected_by_place_and_reason() -> None:
    """A doubtful one is not expected."""
    found = fold(event("p", 5, expected="dead:bad_json"), event("q", 4, expected="dead:null_value"),
                 event("r", None, expected="dead:bad_json"))  # fmt: skip

    assert found.dead == {"bad_json": 1, "null_value": 1}
    assert found.dead_positions.tolist() == [4, 5]
    assert found.dead_reasons == ("null_value", "bad_json")


def test_steps_of_an_order_whose_placement_is_in_doubt_may_be_dead_letters() -> None:
    """They widen what is tolerated."""
    found = fold(event("p", None), event("d1", 2))

    assert (found.maybe, found.slack, found.tolerance) == (1, 1, 2)


@pytest.mark.parametrize(("placed", "expected", "slack"), [(1, [2], 0), (None, [], 1)])
def test_a_reason_that_needs_the_order_is_expected_only_when_the_order_is_sure(
    placed: int | None, expected: list[int], slack: int
) -> None:
    """Of an order that never arrived it would be another reason."""
    found = fold(event("p", placed), event("d1", 2, expected="dead:order_time_mismatch"))

    assert (found.dead_positions.tolist(), found.slack) == (expected, slack)


def test_two_events_cannot_share_an_offset() -> None:
    """A ledger that says so is wrong."""
    assert fold(event("p1", 3), event("p2", 3)).doubled == 1
