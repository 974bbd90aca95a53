"""What becomes of orders, read off the messages of four simulated days."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean

import pytest

from ecom_platform.contract import OrderCancelled, OrderPlaced, Status, Step, decode, judge_step
from ecom_platform.contract.times import from_milliseconds
from ecom_platform.simulator.config import Curve, ShopConfig
from ecom_platform.simulator.shop import Shop

DAY_MS = 86_400_000
START_MS = 1_795_392_000_000
LONG_AGO = from_milliseconds(1_577_836_800_000)


@pytest.fixture(scope="module")
def lives(dimensions):
    """Orders of a slow shop with all that happens to them in four days: (placed, later events)."""
    shop = Shop.open(dimensions, ShopConfig(7, 0.03, Curve.FLAT), START_MS, 1, 1)
    orders, later = {}, defaultdict(list)
    for message in shop.advance(START_MS + 4 * DAY_MS):
        event = decode(message.value, from_milliseconds(message.time_ms), LONG_AGO)
        if isinstance(event, OrderPlaced):
            orders[event.order_id] = event
        elif message.order_id is not None:
            later[message.order_id].append(event)
    return [(order, later[number]) for number, order in orders.items()]


def test_every_step_of_every_order_is_legal(lives) -> None:
    """The state machine of the contract accepts each step, and none is repeated."""
    for _, later in lives:
        seen = [Status.PENDING]
        for event in later:
            assert judge_step(seen[-1], seen, event.delivery.status) is Step.FORWARD
            seen.append(event.delivery.status)


def test_every_order_that_is_old_enough_is_delivered_or_cancelled(lives) -> None:
    """Two days after the last promise nobody waits any more."""
    old = [later for order, later in lives if order.event_time < from_milliseconds(START_MS + 2 * DAY_MS)]
    ends = {Status.DELIVERED, Status.RETURNED, Status.CANCELLED}

    assert len(old) > 4_000
    assert all(later[-1].delivery.status in ends for later in old)


def test_steps_come_after_the_order_and_in_time_order(lives) -> None:
    """Shipping takes at least ten minutes; a cancellation may come after one."""
    for order, later in lives:
        times = [order.event_time, *(event.event_time for event in later)]

        assert times == sorted(times)
        assert all(event.order_time == order.order.order_time for event in later)
        if later and not isinstance(later[0], OrderCancelled):
            assert (later[0].event_time - order.event_time).total_seconds() >= 600


def test_few_orders_are_cancelled_and_fewer_returned(lives) -> None:
    """4 % cancelled; 2.5 % of the delivered ones come back."""
    old = [later for order, later in lives if order.event_time < from_milliseconds(START_MS + DAY_MS)]
    statuses = [{event.delivery.status for event in later} for later in old]
    delivered = [one for one in statuses if Status.DELIVERED in one]

    assert fmean(Status.CANCELLED in one for one in statuses) == pytest.approx(0.04, abs=0.015)
    assert fmean(Status.RETURNED in one for one in delivered) == pytest.approx(0.025, abs=0.015)


def test_most_deliveries_are_on_time_and_some_are_late(lives) -> None:
    """Between 75 and 97 of a hundred arrive by their promise; a return repeats the arrival."""
    on_time = []
    for order, later in lives:
        arrivals = {e.delivery.status: e.delivery.actual_time for e in later if e.delivery.actual_time}
        if Status.DELIVERED in arrivals:
            on_time.append(arrivals[Status.DELIVERED] <= order.delivery.expected_time)
            assert len(set(arrivals.values())) == 1

    assert 0.75 < fmean(on_time) < 0.97


def test_promises_lie_on_the_half_hour(lives) -> None:
    """At least three and a half hours ahead, at most a day."""
    for order, _ in lives:
        ahead = (order.delivery.expected_time - order.event_time).total_seconds() / 3600

        assert order.delivery.expected_time.minute in (0, 30)
        assert 3.5 < ahead <= 24


def test_couriers_differ_in_punctuality(lives) -> None:
    """The best and the worst courier are well apart."""
    delays = defaultdict(list)
    for order, later in lives:
        for event in later:
            if event.delivery.status == Status.DELIVERED:
                delay = event.delivery.actual_time - order.delivery.expected_time
                delays[order.delivery.courier_id].append(delay.total_seconds() / 60)
    means = [fmean(values) for values in delays.values()]

    assert len(means) == 24
    assert max(means) - min(means) > 15
