"""What valid events become, and what they look like on the wire."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime

import pytest

from ecom_platform.contract import (
    Decoded,
    DeliveryUpdated,
    OrderPlaced,
    Rejected,
    StockReceived,
    decode,
    decode_with_extra,
    encode,
    key_of,
)
from ecom_platform.contract.times import in_milliseconds
from ecom_platform_tests.contract.random_events import any_event
from ecom_platform_tests.contract.wire import (
    ABSENT,
    EVENTS,
    HISTORY_START,
    KAFKA_TIME,
    accepted,
    changed,
    of_one_line,
    receive,
    text,
)

ZONED_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


@pytest.mark.parametrize("seed", range(5))
def test_decoding_undoes_encoding(seed: int) -> None:
    """For every kind of event, with texts that look like times and times without a fraction."""
    chance = random.Random(seed)
    for _ in range(500):
        event = any_event(chance)
        assert decode(encode(event), KAFKA_TIME, HISTORY_START) == event


@pytest.mark.parametrize("seed", range(3))
def test_the_wire_is_plain_json_with_zoned_milliseconds(seed: int) -> None:
    """Any JSON library reads it, and every time ends on milliseconds and `Z`."""
    chance = random.Random(seed)
    for _ in range(300):
        wire = json.loads(encode(any_event(chance)))
        assert wire["schema_version"] == 1
        times = [wire["event_time"], *(v for k, v in wire.get("delivery", {}).items() if k.endswith("_time") and v)]
        assert all(ZONED_MILLISECONDS.fullmatch(time) for time in times)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_foreign_producers_event_means_what_it_says(event_type: str) -> None:
    """Field by field, against the JSON that was sent."""
    wire = json.loads(encode(accepted(EVENTS[event_type])))
    sent = json.loads(text(EVENTS[event_type]))

    assert _without_fractions(wire) == _without_fractions(sent)


def test_the_key_is_the_order_or_the_shelf() -> None:
    """Events of one order share a partition; so do receipts of one product in one warehouse."""
    keys = {event_type: key_of(accepted(wire)) for event_type, wire in EVENTS.items()}

    assert keys == {
        "order_placed": b"4711",
        "delivery_updated": b"4711",
        "order_cancelled": b"4711",
        "stock_received": b"3-1",
    }


@pytest.mark.parametrize(
    ("quantity", "price_cents", "discount_cents"),
    [(1, 0, 0), (5, 0, 0), (1, 100, 100), (3, 333, 998), (1_000_000, 1_000_000, 0), (1, 10**12, 10**12)],
)
def test_free_discounted_and_very_large_orders_are_valid(quantity: int, price_cents: int, discount_cents: int) -> None:
    """Nothing to pay is not nothing sold."""
    event = accepted(of_one_line(quantity, price_cents, discount_cents))

    assert isinstance(event, OrderPlaced)
    assert event.order.total_cents == quantity * price_cents - discount_cents


def test_500_lines_and_the_largest_id_are_valid() -> None:
    """The limits themselves are allowed."""
    line = {"order_id": 2**53 - 1, "product_id": 2**53 - 1, "quantity": 1, "price_cents": 1}
    wire = changed(
        order_id=2**53 - 1,
        order__order_id=2**53 - 1,
        delivery__order_id=2**53 - 1,
        order__quantity=500,
        order__subtotal_cents=500,
        order__discount_cents=0,
        order__total_cents=500,
        order_items=[{**line, "order_item_id": str(number)} for number in range(500)],
    )

    assert isinstance(accepted(wire), OrderPlaced)


def test_schema_version_may_be_left_out() -> None:
    """Then it is 1."""
    assert accepted(changed(schema_version=ABSENT)).schema_version == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-23T09:00:00.120+02:00", datetime(2026, 11, 23, 7, 0, 0, 120_000, UTC)),
        ("2026-11-23T01:30:00-05:30", datetime(2026, 11, 23, 7, 0, 0, 0, UTC)),
        ("2026-11-23T07:00:00.123456Z", datetime(2026, 11, 23, 7, 0, 0, 123_456, UTC)),
        ("2026-11-23t07:00:00z", datetime(2026, 11, 23, 7, 0, 0, 0, UTC)),
        ("2020-01-01T00:00:00Z", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2026-11-24T07:00:05Z", datetime(2026, 11, 24, 7, 0, 5, 0, UTC)),
    ],
)
def test_a_time_is_the_instant_it_names(written: str, meant: datetime) -> None:
    """Offsets, fractions, and both ends of the allowed range."""
    event = accepted(changed(order__order_time=written, delivery__expected_time=written))

    assert isinstance(event, OrderPlaced)
    assert event.order.order_time == meant


MIDNIGHT_MINUS = datetime(2026, 11, 22, 23, 59, 59, 999_000, UTC)
TOO_FINE = [f"2026-11-22T23:59:59.{'9' * digits}Z" for digits in (7, 8, 9, 12, 30)]


@pytest.mark.parametrize("more", [{}, {"note": "v1.23456789"}], ids=["fast", "with an unknown field"])
@pytest.mark.parametrize("written", [*TOO_FINE, "2026-11-23T01:59:59.9999999+02:00"])
def test_a_time_finer_than_milliseconds_is_cut_and_never_rounded_into_the_next_day(
    written: str, more: dict[str, str]
) -> None:
    """Seven digits as .NET writes them, nine as Java and Go do, in every time there is."""
    order = accepted(changed(event_time=written, order__order_time=written, delivery__expected_time=written, **more))
    step = accepted(changed("delivery_updated", event_time=written, order_time=written, delivery__actual_time=written))
    goods = accepted(changed("stock_received", event_time=written))

    assert isinstance(order, OrderPlaced)
    assert isinstance(step, DeliveryUpdated)
    times = [order.event_time, order.order.order_time, order.delivery.expected_time]
    times += [step.event_time, step.order_time, step.delivery.actual_time, goods.event_time]
    assert {in_milliseconds(time) for time in times if time} == {MIDNIGHT_MINUS}
    assert len(times) == 7


@pytest.mark.parametrize(
    "escaped", [r"\u002e9999999Z", r".999999\u0039Z", r".\u0039\u0039\u0039\u0039\u0039\u0039\u0039Z"]
)
def test_digits_that_are_written_as_escapes_are_digits(escaped: str) -> None:
    """JSON allows it; no time is rounded for it."""
    wire = text(changed()).replace("2026-11-23T07:00:00.120Z", "2026-11-22T23:59:59" + escaped)
    event = accepted(wire)

    assert isinstance(event, OrderPlaced)
    assert in_milliseconds(event.order.order_time) == MIDNIGHT_MINUS


def test_a_text_that_looks_like_a_fine_time_stays_as_it_is() -> None:
    """Only times are cut."""
    event = accepted(changed(event_id="2026-11-22T23:59:59.9999999Z", note="1.123456789"))

    assert event.event_id == "2026-11-22T23:59:59.9999999Z"


@pytest.mark.parametrize(("before", "verdict"), [("06:55:00.120", Decoded), ("06:55:00.119", Rejected)])
@pytest.mark.parametrize("field", ["event_time", "delivery__actual_time"])
def test_the_clock_of_a_step_may_be_five_minutes_behind_its_orders(field: str, before: str, verdict: type) -> None:
    """Of two machines; whoever reports a step from before that reports another order's."""
    assert isinstance(receive(changed("delivery_updated", **{field: f"2026-11-23T{before}Z"})), verdict)


def test_unknown_fields_are_kept_where_they_stood() -> None:
    """Top level, head, one of two lines and the delivery; the known fields are as if nothing was added."""
    wire = changed(campaign="autumn", order__gift=True, order_items__1__size="XL", delivery__door={"code": [1, 2]})
    outcome = receive(wire)

    assert isinstance(outcome, Decoded)
    assert outcome.event == accepted(changed())
    assert json.loads(outcome.extra or "") == {
        "campaign": "autumn",
        "order": {"gift": True},
        "order_items": [{}, {"size": "XL"}],
        "delivery": {"door": {"code": [1, 2]}},
    }


@pytest.mark.parametrize("event_type", EVENTS)
def test_without_unknown_fields_there_is_no_extra(event_type: str) -> None:
    """So that stored documents stay small."""
    outcome = receive(EVENTS[event_type])

    assert isinstance(outcome, Decoded)
    assert outcome.extra is None


def test_fields_of_other_events_are_unknown_fields() -> None:
    """A receipt with an `order` is a receipt; what it carries besides is kept."""
    outcome = receive(changed("stock_received", order={"order_id": "x"}, order_items=5))

    assert isinstance(outcome, Decoded)
    assert isinstance(outcome.event, StockReceived)
    assert json.loads(outcome.extra or "") == {"order": {"order_id": "x"}, "order_items": 5}


@pytest.mark.parametrize("seed", range(3))
def test_an_unknown_field_changes_nothing_else(seed: int) -> None:
    """The slow path, which sets unknown fields aside, decodes to the same event as the fast one."""
    chance = random.Random(seed)
    for _ in range(200):
        event = any_event(chance)
        with_field = encode(event)[:-1] + b', "x": 1}'
        assert decode_with_extra(with_field, KAFKA_TIME, HISTORY_START) == Decoded(event, '{"x":1}')


def _without_fractions(value: object) -> object:
    """`…:00.000Z` and `…:00Z` are the same instant."""
    if isinstance(value, dict):
        return {name: _without_fractions(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_fractions(inner) for inner in value]
    return value.replace(".000Z", "Z") if isinstance(value, str) else value
