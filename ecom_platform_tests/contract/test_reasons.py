"""Each reason code is reached by exactly the defect it names."""

from __future__ import annotations

import pytest

from ecom_platform.contract import Reason
from ecom_platform_tests.contract.wire import ABSENT, EVENTS, Wire, accepted, changed, of_one_line, rejected, text

PLACED = text(changed())
TOO_LONG = "x" * 201
WEEKS_BEFORE = "2026-10-26T07:00:00Z"
FIRST_LINE = changed()["order_items"][0]

DEFECTS: list[tuple[Reason, str, Wire | str | bytes | None]] = [
    (Reason.NULL_VALUE, "no value", None),
    (Reason.BAD_ENCODING, "Latin-1", PLACED.replace("0190-1", "\xff").encode("latin-1")),
    (Reason.BAD_ENCODING, "UTF-16", PLACED.encode("utf-16")),
    (Reason.BAD_JSON, "empty", b""),
    (Reason.BAD_JSON, "truncated", PLACED[:-1]),
    (Reason.BAD_JSON, "more behind it", PLACED + "{}"),
    (Reason.BAD_JSON, "single quotes", PLACED.replace('"', "'")),
    (Reason.NOT_AN_OBJECT, "array", f"[{PLACED}]"),
    (Reason.NOT_AN_OBJECT, "number", "5"),
    (Reason.NOT_AN_OBJECT, "null", "null"),
    (Reason.UNKNOWN_SCHEMA_VERSION, "newer", changed(schema_version=2)),
    (Reason.UNKNOWN_SCHEMA_VERSION, "zero", changed(schema_version=0)),
    (Reason.UNKNOWN_SCHEMA_VERSION, "newer and of a shape we do not know", {"schema_version": 2, "kind": "order"}),
    (Reason.UNKNOWN_EVENT_TYPE, "another word", changed(event_type="order_vanished")),
    (Reason.UNKNOWN_EVENT_TYPE, "null", changed(event_type=None)),
    (Reason.MISSING_FIELD, "event_type", changed(event_type=ABSENT)),
    (Reason.MISSING_FIELD, "an empty object", {}),
    (Reason.MISSING_FIELD, "event_id", changed(event_id=ABSENT)),
    (Reason.MISSING_FIELD, "order", changed(order=ABSENT)),
    (Reason.MISSING_FIELD, "of a line", changed(order_items__1__price_cents=ABSENT)),
    (Reason.MISSING_FIELD, "actual_time, which is null, not absent", changed(delivery__actual_time=ABSENT)),
    (Reason.MISSING_FIELD, "order_time of a step", changed("delivery_updated", order_time=ABSENT)),
    (Reason.WRONG_TYPE, "text for a number", changed(order__quantity="4")),
    (Reason.WRONG_TYPE, "a fraction", changed(order__total_cents=400.5)),
    (Reason.WRONG_TYPE, "a whole number with a point", changed(order__total_cents=40_000.0)),
    (Reason.WRONG_TYPE, "true for a number", changed(order__user_id=True)),
    (Reason.WRONG_TYPE, "null", changed(order=None)),
    (Reason.WRONG_TYPE, "an object for the lines", changed(order_items={})),
    (Reason.WRONG_TYPE, "a time without a zone", changed(order__order_time="2026-11-23T07:00:00")),
    (Reason.WRONG_TYPE, "a day that does not exist", changed(order__order_time="2026-02-30T07:00:00Z")),
    (Reason.WRONG_TYPE, "a time as a number", changed(order__order_time=1_795_417_200)),
    (Reason.WRONG_TYPE, "schema_version as text", changed(schema_version="1")),
    (Reason.UNKNOWN_ENUM, "payment", changed(order__payment_type="Cheque")),
    (Reason.UNKNOWN_ENUM, "status", changed("delivery_updated", delivery__status="Lost")),
    (Reason.UNKNOWN_ENUM, "quoting another error", changed(order__payment_type="missing required field")),
    (Reason.NEGATIVE_QUANTITY, "of the order", changed(order__quantity=-4)),
    (Reason.NEGATIVE_QUANTITY, "none of a line", changed(order_items__0__quantity=0)),
    (Reason.NEGATIVE_QUANTITY, "of a receipt", changed("stock_received", quantity=0)),
    (Reason.NEGATIVE_AMOUNT, "price", changed(order_items__0__price_cents=-1)),
    (Reason.NEGATIVE_AMOUNT, "discount", changed(order__discount_cents=-1)),
    (Reason.NEGATIVE_AMOUNT, "total", changed(order__total_cents=-1)),
    (Reason.ABSURD_NUMBER, "id 0", changed(order__user_id=0)),
    (Reason.ABSURD_NUMBER, "id no JSON reader holds exactly", changed(order__user_id=2**53)),
    (Reason.ABSURD_NUMBER, "10^18 cents", changed(order__total_cents=10**18)),
    (Reason.ABSURD_NUMBER, "10^30 cents", changed(order__total_cents=10**30)),
    (Reason.ABSURD_NUMBER, "a million and one units", of_one_line(1_000_001, 1)),
    (Reason.ABSURD_NUMBER, "courier", changed(delivery__courier_id=-5)),
    (Reason.ABSURD_NUMBER, "delivery of a step", changed("order_cancelled", delivery__delivery_id=0)),
    (Reason.ABSURD_NUMBER, "product of a receipt", changed("stock_received", product_id=0)),
    (Reason.ABSURD_NUMBER, "empty event_id", changed(event_id="")),
    (Reason.ABSURD_NUMBER, "long event_id", changed(event_id=TOO_LONG)),
    (Reason.ABSURD_NUMBER, "long order_item_id", changed(order_items__0__order_item_id=TOO_LONG)),
    (Reason.ABSURD_NUMBER, "501 lines", changed(order_items=[FIRST_LINE] * 501)),
    (Reason.ID_MISMATCH, "envelope", changed(order_id=4712)),
    (Reason.ID_MISMATCH, "head", changed(order__order_id=4712)),
    (Reason.ID_MISMATCH, "a line", changed(order_items__1__order_id=4712)),
    (Reason.ID_MISMATCH, "delivery", changed(delivery__order_id=4712)),
    (Reason.ID_MISMATCH, "two lines with one id", changed(order_items__1__order_item_id="4711-1")),
    (Reason.NO_ITEMS, "empty list", changed(order_items=[])),
    (Reason.TOTALS_MISMATCH, "units", changed(order__quantity=3)),
    (Reason.TOTALS_MISMATCH, "subtotal", changed(order__subtotal_cents=43_499)),
    (Reason.TOTALS_MISMATCH, "total", changed(order__total_cents=40_001)),
    (
        Reason.TOTALS_MISMATCH,
        "discount above the subtotal",
        changed(order__discount_cents=43_501, order__total_cents=0),
    ),
    (Reason.NOT_PENDING, "placed as shipped", changed(delivery__status="Shipped")),
    (Reason.STATUS_MISMATCH, "cancelled by an update", changed("delivery_updated", delivery__status="Cancelled")),
    (Reason.STATUS_MISMATCH, "shipped by a cancellation", changed("order_cancelled", delivery__status="Shipped")),
    (Reason.MISSING_ACTUAL_TIME, "delivered", changed("delivery_updated", delivery__actual_time=None)),
    (
        Reason.MISSING_ACTUAL_TIME,
        "returned",
        changed("delivery_updated", delivery__status="Returned", delivery__actual_time=None),
    ),
    (Reason.UNEXPECTED_ACTUAL_TIME, "placed", changed(delivery__actual_time="2026-11-23T07:00:00Z")),
    (Reason.UNEXPECTED_ACTUAL_TIME, "shipped", changed("delivery_updated", delivery__status="Shipped")),
    (
        Reason.UNEXPECTED_ACTUAL_TIME,
        "cancelled",
        changed("order_cancelled", delivery__actual_time="2026-11-23T07:00:00Z"),
    ),
    (Reason.OUT_OF_RANGE, "before the history", changed(order__order_time="2019-12-31T23:59:59.999Z")),
    (Reason.OUT_OF_RANGE, "more than a day ahead", changed(order__order_time="2026-11-24T07:00:05.001Z")),
    (Reason.OUT_OF_RANGE, "order_time of a step", changed("delivery_updated", order_time="2019-01-01T00:00:00Z")),
    (Reason.OUT_OF_RANGE, "arrival", changed("delivery_updated", delivery__actual_time="2027-11-23T07:00:00Z")),
    (Reason.OUT_OF_RANGE, "time of a step", changed("order_cancelled", event_time="2027-11-23T07:00:00Z")),
    (Reason.OUT_OF_RANGE, "arrival before the order", changed("delivery_updated", delivery__actual_time=WEEKS_BEFORE)),
    (
        Reason.OUT_OF_RANGE,
        "cancelled before the order",
        changed("order_cancelled", event_time="2026-11-23T06:55:00.119Z"),
    ),
    (Reason.OUT_OF_RANGE, "time of a receipt", changed("stock_received", event_time="9999-12-31T23:59:59-02:00")),
    (Reason.OUT_OF_RANGE, "promise in year 9999", changed(delivery__expected_time="9999-12-31T23:59:59.999Z")),
    (Reason.NOT_STORABLE, "300 levels", PLACED[:-1] + ', "x": ' + "[" * 300 + "]" * 300 + "}"),
]
DECIDED_LATER = {Reason.UNKNOWN_ORDER, Reason.ORDER_TIME_MISMATCH, Reason.ILLEGAL_TRANSITION}
"""They need the stored order: see the tests of the fold."""


@pytest.mark.parametrize(
    ("reason", "message"),
    [pytest.param(reason, message, id=f"{reason}-{what}") for reason, what, message in DEFECTS],
)
def test_a_defect_gets_the_reason_that_names_it(reason: Reason, message: Wire | str | bytes | None) -> None:
    """One defect in an otherwise valid event, one code, and a sentence about it."""
    rejection = rejected(message)

    assert rejection.reason == reason
    assert rejection.error


@pytest.mark.parametrize("event_type", EVENTS)
def test_without_a_defect_the_events_are_valid(event_type: str) -> None:
    """So the defects above are what made the difference."""
    assert type(accepted(EVENTS[event_type])).__struct_config__.tag == event_type


def test_no_reason_is_forgotten() -> None:
    """A code that nothing can reach would be documentation of nothing."""
    forgotten = set(Reason) - {reason for reason, _, _ in DEFECTS} - DECIDED_LATER
    assert not forgotten, f"neither DEFECTS nor DECIDED_LATER of this file reaches {forgotten}"


def test_of_several_defects_the_outermost_is_reported() -> None:
    """Version before type, numbers before ids, ids before sums: later rules may rely on earlier ones."""
    quantity_and_totals = changed(order__quantity=0, order__total_cents=1)
    id_and_totals = changed(order_id=4712, order__total_cents=1)
    version_and_type = changed(schema_version=2, event_type="order_vanished")

    assert rejected(quantity_and_totals).reason == Reason.NEGATIVE_QUANTITY
    assert rejected(id_and_totals).reason == Reason.ID_MISMATCH
    assert rejected(version_and_type).reason == Reason.UNKNOWN_SCHEMA_VERSION
