"""What becomes of an order: the later steps of its delivery, decided when it is placed."""

from __future__ import annotations

from math import exp

from ecom_platform.contract import Status
from ecom_platform.simulator.couriers import Courier
from ecom_platform.simulator.demand import DemandDraw

# Steps are stored as numbers; the order is the one of the wire's statuses and must not change within a home.
STEPS = (Status.PENDING, Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED)
SHIPPED, DELIVERED, RETURNED, CANCELLED = 1, 2, 3, 4

CANCELLED_SHARE = 0.04
CANCELLED_PENDING_SHARE = 0.03  # the rest is cancelled on its way
RETURNED_SHARE = 0.025  # of the orders that are delivered

MIN_HANDLING_MS = 600_000
_MAX_HANDLING_MS = 3 * 3_600_000
_MIN_TRAVEL_MS = 600_000
_HALF_HOUR_MS = 1_800_000
_HOUR_MS = 3_600_000

Life = list[tuple[int, int]]


def promise_of(draw: DemandDraw) -> int:
    """Return the promised arrival in milliseconds: hours after the order, on the half hour before that."""
    return (draw.time_ms + draw.promise_ms) // _HALF_HOUR_MS * _HALF_HOUR_MS


def life_of(draw: DemandDraw, courier: Courier) -> Life:
    """Return the steps to come as (step, time in milliseconds), in order and strictly later than the order.

    Handling is log-normal (median 35 minutes beyond the minimum); the arrival scatters around the promise as the
    courier does, but none arrives before the parcel could have travelled.
    """
    handling = MIN_HANDLING_MS + min(_MAX_HANDLING_MS, int(2_100_000 * exp(0.6 * draw.handling)))
    shipped = draw.time_ms + handling
    arrival = promise_of(draw) + int(courier.mean_ms + courier.spread_ms * draw.delay)
    arrived = max(arrival, shipped + _MIN_TRAVEL_MS)
    if draw.fate < CANCELLED_PENDING_SHARE:
        return [(CANCELLED, draw.time_ms + 60_000 + int((handling - 120_000) * draw.when))]
    if draw.fate < CANCELLED_SHARE:
        return [(SHIPPED, shipped), (CANCELLED, shipped + 60_000 + int((arrived - shipped - 120_000) * draw.when))]
    if draw.fate > 1 - RETURNED_SHARE * (1 - CANCELLED_SHARE):
        returned = arrived + int((6 + 42 * draw.when) * _HOUR_MS)
        return [(SHIPPED, shipped), (DELIVERED, arrived), (RETURNED, returned)]
    return [(SHIPPED, shipped), (DELIVERED, arrived)]
