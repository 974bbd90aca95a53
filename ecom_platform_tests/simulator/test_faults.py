"""Faults: added, counted, and each with the outcome the contract gives it."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from ecom_platform.contract import DeliveryUpdated, OrderCancelled, Rejected, decode, judge_step
from ecom_platform.contract import Step as Judged
from ecom_platform.contract.times import from_milliseconds
from ecom_platform.simulator.config import Curve, FaultRates, ShopConfig
from ecom_platform.simulator.shop import Shop

START_MS = 1_795_392_000_000
HOUR_MS = 3_600_000
LONG_AGO = from_milliseconds(1_577_836_800_000)
KINDS = ("duplicated", "late", "malformed", "orphaned", "unknown_enum", "negative_quantity", "newer_schema")


@pytest.fixture(scope="module")
def faulty(dimensions):
    """Four hours with every fault at 5 %."""
    shop = Shop.open(dimensions, ShopConfig(7, 1.0, Curve.FLAT, FaultRates(*[0.05] * 7)), START_MS, 1, 1)
    return list(shop.advance(START_MS + 4 * HOUR_MS))


def _outcomes(messages):
    """What a correct consumer does with each message, by the contract alone."""
    orders, receipts = {}, set()
    for one in messages:
        event = decode(one.value, from_milliseconds(one.time_ms), LONG_AGO)
        if isinstance(event, Rejected):
            yield f"dead:{event.reason}"
        elif isinstance(event, DeliveryUpdated | OrderCancelled):
            placed_at, history = orders.get(event.order_id, (None, []))
            if placed_at is None:
                yield "dead:unknown_order"
                continue
            if placed_at != event.order_time:
                yield "dead:order_time_mismatch"
                continue
            judged = judge_step(history[-1], history, event.delivery.status)
            if judged is Judged.FORWARD:
                history.append(event.delivery.status)
            yield {Judged.FORWARD: "applied", Judged.REPEATED: "duplicate"}.get(judged, "dead:illegal_transition")
        elif hasattr(event, "order"):
            yield "duplicate" if event.order_id in orders else "applied"
            orders.setdefault(event.order_id, (event.order.order_time, [event.delivery.status]))
        else:
            yield "duplicate" if event.event_id in receipts else "applied"
            receipts.add(event.event_id)


def test_every_expected_outcome_is_the_contract_s_verdict(faulty) -> None:
    """An independent consumer, message by message, agrees with what the shop wrote down."""
    expected = [one.expected for one in faulty]

    assert list(_outcomes(faulty)) == expected


def test_every_kind_of_fault_occurs_and_is_counted(faulty) -> None:
    """Seven kinds, and every malformed variant."""
    faults = Counter(one.fault for one in faulty if one.fault)
    reasons = {one.expected for one in faulty if one.fault == "malformed"}

    assert set(faults) == set(KINDS)
    assert len(reasons) == 10


@pytest.mark.parametrize("kind", ["duplicated", "malformed", "newer_schema"])
def test_rates_are_what_was_asked_for(faulty, kind) -> None:
    """One in twenty real events, within a tenth."""
    real = sum(one.expected == "applied" for one in faulty)
    copies = sum(one.fault == kind for one in faulty)

    assert copies == pytest.approx(0.05 * real, rel=0.1)


def test_faults_are_added_and_replace_nothing(faulty, four_hours) -> None:
    """The real events are those of the shop without faults; only some that are late have not come yet."""
    real = {one.value for one in faulty if one.expected == "applied"}
    plain = {one.value for one in four_hours}
    missing = [orjson.loads(value) for value in plain - real]

    assert real <= plain
    assert len(missing) < 0.01 * len(plain)


def test_late_orders_come_before_their_own_first_step(faulty) -> None:
    """Held back by minutes at most, so that no update finds its order missing."""
    late = [one for one in faulty if one.fault == "late" and one.total_cents is not None]

    assert late
    assert all(0 < one.time_ms - _time(one) < 10 * 60_000 for one in late)


def _time(one) -> int:
    return int(one.event_id.replace("-", "")[:12], 16)
