"""Why an event is a dead letter: stable codes, from the bytes inwards."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Reason code of a dead letter; a released code never changes its meaning."""

    NULL_VALUE = "null_value", "the message has no value"
    BAD_ENCODING = "bad_encoding", "the bytes are not UTF-8"
    BAD_JSON = "bad_json", "the text is not JSON"
    NOT_AN_OBJECT = "not_an_object", "the JSON is not an object"
    UNKNOWN_SCHEMA_VERSION = "unknown_schema_version", "`schema_version` is not one this platform knows"
    UNKNOWN_EVENT_TYPE = "unknown_event_type", "`event_type` is none of the four"
    MISSING_FIELD = "missing_field", "a required field is absent"
    WRONG_TYPE = "wrong_type", "a field has another type than the contract says, or a time has no zone"
    UNKNOWN_ENUM = "unknown_enum", "a payment type or a delivery status is none of the known ones"
    NEGATIVE_QUANTITY = "negative_quantity", "a quantity is below 1"
    NEGATIVE_AMOUNT = "negative_amount", "an amount of money is below 0"
    ABSURD_NUMBER = "absurd_number", "an id, quantity, amount or number of lines is beyond every plausible limit"
    ID_MISMATCH = "id_mismatch", "the ids inside the event, or of the event and its stored order, disagree"
    NO_ITEMS = "no_items", "an order without items"
    TOTALS_MISMATCH = "totals_mismatch", "units, subtotal, discount and total of an order disagree"
    NOT_PENDING = "not_pending", "a placed order whose delivery is not Pending"
    STATUS_MISMATCH = "status_mismatch", "Cancelled outside of an order_cancelled, or another status inside of one"
    MISSING_ACTUAL_TIME = "missing_actual_time", "Delivered or Returned without `actual_time`"
    UNEXPECTED_ACTUAL_TIME = "unexpected_actual_time", "`actual_time` on a delivery that has not arrived"
    OUT_OF_RANGE = (
        "out_of_range",
        "a time is before the shop's history or too far in the future, or a step is before its order",
    )
    NOT_STORABLE = "not_storable", "the message is too large or nested too deeply to be stored"
    UNKNOWN_ORDER = "unknown_order", "an update of an order that was never placed"
    ORDER_TIME_MISMATCH = "order_time_mismatch", "an update whose `order_time` is not that of its order"
    ILLEGAL_TRANSITION = "illegal_transition", "a step backwards in the life of an order"

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        """Keep the meaning beside the code, so that the documentation is made from it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member
