"""The shop: purity, stock that binds, incidents, and parts that split and merge."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice

import msgspec
import orjson
import pytest

from ecom_platform.simulator.config import MINUTE_MS, Curve, FaultRates, Incident, IncidentKind, ShopConfig
from ecom_platform.simulator.shop import Shop, ShopState

START_MS = 1_795_392_000_000
HOUR_MS = 3_600_000
FAULTY = FaultRates(*[0.03] * 7)


def _open(dimensions, **options) -> Shop:
    settings = {"orders_per_second": 1.0, "curve": Curve.FLAT, **options}
    return Shop.open(dimensions, ShopConfig(7, **settings), START_MS, 1, 1)


def _copy(dimensions, shop: Shop) -> Shop:
    return Shop(dimensions, msgspec.msgpack.decode(msgspec.msgpack.encode(shop.state), type=ShopState))


def _orders(messages):
    return [orjson.loads(one.value) for one in messages if one.total_cents is not None]


def test_how_time_is_sliced_changes_nothing(dimensions) -> None:
    """An hour at once, or in steps of seven seconds."""
    whole = list(_open(dimensions, faults=FAULTY).advance(START_MS + HOUR_MS))
    shop = _open(dimensions, faults=FAULTY)
    sliced = [one for step in range(0, HOUR_MS, 7_000) for one in shop.advance(START_MS + step)]
    sliced += shop.advance(START_MS + HOUR_MS)

    assert sliced == whole


def test_a_shop_goes_on_from_its_stored_state(dimensions) -> None:
    """Stopped between any two messages, even of one millisecond, stored and loaded."""
    whole = list(_open(dimensions, faults=FAULTY).advance(START_MS + HOUR_MS))
    shop, pieces = _open(dimensions, faults=FAULTY), []
    while piece := list(islice(shop.advance(START_MS + HOUR_MS), 997)):
        pieces += piece
        shop = _copy(dimensions, shop)

    assert pieces == whole


def test_messages_come_in_time_order(four_hours) -> None:
    """Nothing is sent before what happened earlier."""
    times = [one.time_ms for one in four_hours]

    assert times == sorted(times)


def test_every_event_has_an_id_of_its_own(four_hours) -> None:
    """No two events of a shop share an event id, and no two orders a number."""
    orders = [one.order_id for one in four_hours if one.total_cents is not None]

    assert len({one.event_id for one in four_hours}) == len(four_hours)
    assert len(set(orders)) == len(orders)


PROGRAM = """
import hashlib
from ecom_platform.simulator.config import Curve, FaultRates, ShopConfig
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.shop import Shop
shop = Shop.open(default_shop(7), ShopConfig(7, 1.0, Curve.FLAT, FaultRates(*[0.03] * 7)), 1_795_392_000_000, 1, 1)
digest = hashlib.sha256()
for one in shop.advance(1_795_392_000_000 + 3_600_000):
    digest.update(one.key + (one.value or b"null"))
print(digest.hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_another_process(dimensions) -> None:
    """Whatever Python's hash seed is."""
    here = hashlib.sha256()
    for one in _open(dimensions, faults=FAULTY).advance(START_MS + HOUR_MS):
        here.update(one.key + (one.value or b"null"))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert outputs == {here.hexdigest()}


def _audit(dimensions, messages):
    """Recompute the shelves from the messages alone; returns the final and the lowest count of every pair."""
    shelf = {(row["warehouse_id"], row["product_id"]): row["opening"] for row in dimensions.inventory}
    lowest, orders = dict(shelf), {}
    for one in messages:
        event = orjson.loads(one.value)
        if event["event_type"] == "order_placed":
            orders[event["order_id"]] = event
            lines, sign = event, -1
        elif event["event_type"] == "stock_received":
            shelf[event["warehouse_id"], event["product_id"]] += event["quantity"]
            continue
        elif event["delivery"]["status"] in ("Cancelled", "Returned"):
            lines, sign = orders[event["order_id"]], 1
        else:
            continue
        for item in lines["order_items"]:
            pair = lines["order"]["warehouse_id"], item["product_id"]
            shelf[pair] += sign * item["quantity"]
            lowest[pair] = min(lowest[pair], shelf[pair])
    return shelf, lowest


def test_no_shelf_is_ever_sold_below_zero(dimensions) -> None:
    """With a twentieth of the goods stock binds and is restocked; an audit of the messages agrees."""
    shelves = [{**row, "opening": row["opening"] // 20 + 1, "reorder_point": 2} for row in dimensions.inventory]
    dimensions = replace(dimensions, inventory=shelves)
    shop = _open(dimensions, orders_per_second=0.2)
    messages = list(shop.advance(START_MS + 14 * HOUR_MS))
    shelf, lowest = _audit(dimensions, messages)

    assert min(lowest.values()) == 0
    assert list(shelf.values()) == shop.shelves.units
    assert any(one.event_type == "stock_received" for one in messages)


def test_an_oversold_shelf_is_the_only_one_below_zero(dimensions) -> None:
    """The incident sells what is not there, until its end nothing is delivered for it, then the shelf recovers."""
    shelf = next(row for row in dimensions.inventory if 30 <= row["opening"] <= 60)
    pair = shelf["warehouse_id"], shelf["product_id"]
    incident = Incident(
        IncidentKind.OVERSOLD, START_MS, START_MS + HOUR_MS, 0.6, warehouse_id=pair[0], product_id=pair[1]
    )
    shop = _open(dimensions, orders_per_second=0.3, incidents=(incident,))
    messages = list(shop.advance(START_MS + HOUR_MS))
    now, lowest = _audit(dimensions, messages)

    assert -30 < now[pair] < 0
    assert [one for one, units in lowest.items() if units < 0] == [pair]

    messages += shop.advance(START_MS + 14 * HOUR_MS)

    assert _audit(dimensions, messages)[0][pair] > 0


def test_a_flash_sale_sells_out_and_nobody_gets_more_than_there_is(dimensions) -> None:
    """Half of the baskets want the product; the shelf of its busiest warehouse empties and never goes below."""
    product = next(row["product_id"] for row in dimensions.inventory if 30 <= row["opening"] <= 60)
    incident = Incident(IncidentKind.FLASH_SALE, START_MS, START_MS + HOUR_MS, 0.5, product_id=product)
    messages = list(_open(dimensions, incidents=(incident,)).advance(START_MS + HOUR_MS))
    _, lowest = _audit(dimensions, messages)

    assert [lowest[warehouse, product] for warehouse in range(1, 7)] == [0] * 6


@pytest.mark.parametrize("kind", [IncidentKind.SLOW_COURIER, IncidentKind.COURIER_OUTAGE])
def test_a_courier_in_trouble_delivers_nothing_in_that_time(dimensions, kind) -> None:
    """What was due then arrives later, and is not lost; colleagues go on."""
    from_ms, to_ms = START_MS + 5 * HOUR_MS, START_MS + 7 * HOUR_MS
    incident = Incident(kind, from_ms, to_ms, courier_id=3)
    plain, troubled = (
        list(_open(dimensions, orders_per_second=0.3, incidents=incidents).advance(START_MS + 8 * HOUR_MS))
        for incidents in ((), (incident,))
    )
    courier = {order["order_id"]: order["delivery"]["courier_id"] for order in _orders(plain)}

    def deliveries(messages, courier_id):
        return [
            one.time_ms
            for one in messages
            if b'"Delivered"' in one.value and courier[one.order_id] == courier_id and from_ms <= one.time_ms < to_ms
        ]

    slow = {one for one in deliveries(troubled, 3) if kind is IncidentKind.COURIER_OUTAGE}

    assert deliveries(plain, 3)
    assert not slow
    assert len(deliveries(troubled, 3)) < len(deliveries(plain, 3)) / 2
    assert deliveries(plain, 4) == deliveries(troubled, 4)


def test_a_blackout_holds_everything_back_and_then_releases_it_in_order(dimensions) -> None:
    """No message during ten minutes; at their end all of them, oldest first, counted as late."""
    end_ms = START_MS + 13 * MINUTE_MS
    incident = Incident(IncidentKind.BLACKOUT, START_MS + 3 * MINUTE_MS, end_ms)
    messages = list(_open(dimensions, incidents=(incident,)).advance(START_MS + HOUR_MS))
    dark = [one for one in messages if incident.from_ms <= one.time_ms < end_ms]
    released = [one.event_id[:13] for one in messages if one.fault == "late"]

    assert not dark
    assert 450 < len(released) < 800
    assert released == sorted(released)


def test_live_order_numbers_start_after_those_of_the_history(dimensions) -> None:
    """The number of orders of the history is known before it is made."""
    shop = _open(dimensions)
    list(shop.advance(START_MS + 90_000))
    end_minute = START_MS // MINUTE_MS + 60
    first = shop.first_id_after(end_minute)
    list(shop.advance(end_minute * MINUTE_MS))

    assert shop.state.next_order_id == first


def test_two_parts_of_a_shop_lose_no_order_and_oversell_nothing(dimensions) -> None:
    """History and present side by side, then merged: every order placed goes on to its end."""
    past = _open(dimensions, orders_per_second=0.2)
    now_ms = START_MS + 2 * HOUR_MS
    config = ShopConfig(7, 0.2, Curve.FLAT)
    live = Shop.open(dimensions, config, now_ms, 2, past.first_id_after(now_ms // MINUTE_MS))
    live.state.shelves = past.shelves.split(0.25)
    messages = [*live.advance(now_ms + HOUR_MS), *past.advance(now_ms)]
    live.merge(past)
    live = _copy(dimensions, live)
    messages += live.advance(now_ms + 30 * HOUR_MS)
    shelf, _ = _audit(dimensions, sorted(messages, key=lambda one: one.time_ms))
    numbers = [order["order_id"] for order in _orders(messages)]
    shipped = {one.order_id for one in messages if b'"Shipped"' in one.value or b'"Cancelled"' in one.value}
    early = [order["order_id"] for order in _orders(messages) if order["event_time"] < "2026-11-23T12"]

    assert len(set(numbers)) == len(numbers)
    assert list(shelf.values()) == live.shelves.units
    assert min(shelf.values()) >= 0
    assert set(early) <= shipped


def test_a_shop_sent_elsewhere_in_time_keeps_its_orders_and_numbers(dimensions) -> None:
    """Another run may start earlier or later; orders under way are finished, and no number comes twice."""
    shop = _open(dimensions, orders_per_second=0.2)
    before = list(shop.advance(START_MS + HOUR_MS))
    shop.retarget(ShopConfig(7, 0.2, Curve.FLAT), START_MS - HOUR_MS, 2)
    after = list(shop.advance(START_MS + 30 * HOUR_MS))
    first, second = ({order["order_id"] for order in _orders(part)} for part in (before, after))
    finished = {one.order_id for one in before + after if b'"Delivered"' in one.value or b'"Cancelled"' in one.value}

    assert not first & second
    assert first <= finished


def test_what_is_told_ahead_is_what_happens(dimensions) -> None:
    """The same orders and steps as in the order of time, a slow courier's included, and stored at any message."""
    slow = Incident(IncidentKind.SLOW_COURIER, START_MS + 4 * HOUR_MS, START_MS + 6 * HOUR_MS, courier_id=3)
    until_ms = START_MS + 9 * HOUR_MS
    plain = _open(dimensions, orders_per_second=0.3, incidents=(slow,))
    happened = list(plain.advance(until_ms))
    ahead, told = _open(dimensions, orders_per_second=0.3, incidents=(slow,)), []
    ahead.tell_ahead(until_ms)
    while piece := list(islice(ahead.advance(until_ms), 997)):
        told += piece
        ahead = _copy(dimensions, ahead)

    def about_orders(messages):
        return sorted((one.event_id, one.value) for one in messages if one.order_id is not None)

    assert about_orders(told) == about_orders(happened)
    assert [one.time_ms for one in told] != sorted(one.time_ms for one in told)
    assert ahead.shelves.units == plain.shelves.units

    after = [list(shop.advance(until_ms + 4 * HOUR_MS)) for shop in (plain, ahead)]
    assert about_orders(after[0]) == about_orders(after[1])
