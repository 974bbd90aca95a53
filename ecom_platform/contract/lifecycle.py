"""The life of an order: Pending → Shipped → Delivered → Returned, and Cancelled from Pending or Shipped."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from ecom_platform.contract.events import OPEN_STATUSES, Status

_RANK = {Status.PENDING: 0, Status.SHIPPED: 1, Status.DELIVERED: 2, Status.RETURNED: 3}


class Step(Enum):
    """What a reported status means for an order."""

    FORWARD = "forward"
    REPEATED = "repeated"
    ILLEGAL = "illegal"


def judge_step(current: Status, seen: Collection[Status], reported: Status) -> Step:
    """Judge a reported status against the order's current one and those in its history.

    Forward jumps (Pending → Delivered) are legal because shops lose messages; a status that is already in the history
    is a repetition, also when other steps came after it.
    """
    if reported in seen:
        return Step.REPEATED
    if reported == Status.CANCELLED:
        return Step.FORWARD if current in OPEN_STATUSES else Step.ILLEGAL
    if current == Status.CANCELLED:
        return Step.ILLEGAL
    return Step.FORWARD if _RANK[reported] > _RANK[current] else Step.ILLEGAL
