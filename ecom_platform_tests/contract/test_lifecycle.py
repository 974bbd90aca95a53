"""The life of a delivery, as a table."""

from __future__ import annotations

from itertools import product

import pytest

from ecom_platform.contract import Status, Step, judge_step

P, S, D, R, C = Status.PENDING, Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED
LEGAL = {(P, S), (P, D), (P, R), (S, D), (S, R), (D, R), (P, C), (S, C)}


@pytest.mark.parametrize(("current", "reported"), list(product(Status, Status)))
def test_every_pair_of_states_is_decided(current: Status, reported: Status) -> None:
    """Forwards, also over skipped states; cancelled only before the arrival; nothing after a cancellation."""
    expected = Step.FORWARD if (current, reported) in LEGAL else Step.ILLEGAL
    if current == reported:
        expected = Step.REPEATED

    assert judge_step(current, [current], reported) is expected


def test_a_step_in_the_history_is_a_repetition_whatever_came_after() -> None:
    """A message that is sent again after the next one is no step backwards."""
    assert judge_step(R, [P, S, D, R], S) is Step.REPEATED
    assert judge_step(C, [P, S, C], S) is Step.REPEATED


def test_a_skipped_step_that_comes_later_is_a_step_backwards() -> None:
    """Delivered was reported without Shipped: the order has left that state behind."""
    assert judge_step(D, [P, D], S) is Step.ILLEGAL
