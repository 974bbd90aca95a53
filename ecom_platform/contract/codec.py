"""Bytes to events and back.

`decode` has a fast path (one compiled pass over the bytes) for events that look exactly as the contract says, and a
slow path that keeps unknown fields, cuts times that are too fine, and finds the reason code of everything else.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import orjson

from ecom_platform.contract.events import (
    SCHEMA_VERSION,
    Delivery,
    DeliveryStep,
    DeliveryUpdated,
    Event,
    EventType,
    Order,
    OrderCancelled,
    OrderItem,
    OrderPlaced,
    StockReceived,
)
from ecom_platform.contract.foreign import looks_like
from ecom_platform.contract.reasons import Reason
from ecom_platform.contract.rules import check

_CLASSES: dict[str, type[Event]] = {
    EventType.ORDER_PLACED.value: OrderPlaced,
    EventType.DELIVERY_UPDATED.value: DeliveryUpdated,
    EventType.ORDER_CANCELLED.value: OrderCancelled,
    EventType.STOCK_RECEIVED.value: StockReceived,
}
_DECODER = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()
# The encoder writes microseconds; the contract promises milliseconds. The pattern begins with a literal, which the
# regex engine finds four times faster than the digits before it.
# The name of the field before it keeps an id that looks like a time as it is.
_MICROSECONDS = re.compile(rb'000(?<=_time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000)(?=Z")')
# The decoder rounds what is finer than a microsecond: 23:59:59.9999999 would become the next day.
_FINER_THAN_MICROSECONDS = re.compile(rb"\.[0-9]{7}")
_QUOTED = 100
_SURPLUS_DIGITS = re.compile(r"(?<=\.[0-9]{6})[0-9]+")


class Rejected(msgspec.Struct, frozen=True):
    """An event that cannot be applied: a stable reason code and a sentence for the person who mends it."""

    reason: Reason
    error: str


class Decoded(msgspec.Struct, frozen=True):
    """A valid event and its unknown fields (`extra`, a JSON text, or None)."""

    event: Event
    extra: str | None


def encode(event: Event) -> bytes:
    """Return the wire form of an event: one JSON object, UTF-8, times in milliseconds with `Z`."""
    return _MICROSECONDS.sub(b"", _ENCODER.encode(event))


def key_of(event: Event) -> bytes:
    """Return the Kafka key: the order, so that its events keep their order, or the (warehouse, product) of stock."""
    if isinstance(event, StockReceived):
        return b"%d-%d" % (event.warehouse_id, event.product_id)
    return b"%d" % event.order_id


def decode(value: bytes | None, kafka_time: datetime, history_start: datetime) -> Event | Rejected:
    """Decode and check one message; `decode_with_extra` also returns the unknown fields."""
    decoded = decode_with_extra(value, kafka_time, history_start)
    return decoded.event if isinstance(decoded, Decoded) else decoded


def decode_with_extra(value: bytes | None, kafka_time: datetime, history_start: datetime) -> Decoded | Rejected:
    """Decode and check one message.

    Args:
        value: the Kafka record's value.
        kafka_time: the Kafka record's timestamp.
        history_start: first instant an order may be placed at (`ECOM_HISTORY_START`).

    Never raises for bad data: the answer to any bytes is an event or a reason.
    """
    if value is None:
        return Rejected(Reason.NULL_VALUE, "the message has no value")
    extra: str | None = None
    try:
        event = None if _needs_care(value) else _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = None
    if event is None:
        slow = _decode_slowly(value)
        if isinstance(slow, Rejected):
            return slow
        event, extra = slow.event, slow.extra
    if event.schema_version != SCHEMA_VERSION:
        return Rejected(*_judge_version(event.schema_version))
    violation = check(event, kafka_time, history_start)
    return Rejected(*violation) if violation else Decoded(event, extra)


def _needs_care(value: bytes) -> bool:
    """Whether a time in the message may be finer than a microsecond; its digits may also be written as escapes."""
    return _FINER_THAN_MICROSECONDS.search(value) is not None or b"\\u00" in value


def _decode_slowly(value: bytes) -> Decoded | Rejected:
    """Find out what is wrong, or set unknown fields aside and decode the rest."""
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _not_json(value, error)
    if not isinstance(fields, dict):
        twice = (
            " (it looks like JSON that was encoded twice)" if isinstance(fields, str) and fields.startswith("{") else ""
        )
        return Rejected(Reason.NOT_AN_OBJECT, f"the message is a JSON {type(fields).__name__}, not an object{twice}")
    version = fields.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        return Rejected(Reason.WRONG_TYPE, f"schema_version is {_shown(version)}, not a whole number")
    if version != SCHEMA_VERSION:
        return Rejected(*_judge_version(version))
    if "event_type" not in fields:
        return Rejected(Reason.MISSING_FIELD, "event_type is missing")
    event_type = fields["event_type"]
    event_class = _CLASSES.get(event_type) if isinstance(event_type, str) else None
    if event_class is None:
        return Rejected(Reason.UNKNOWN_EVENT_TYPE, f"event_type {_shown(event_type)} is none of {', '.join(_CLASSES)}")
    extra = _take_unknown(fields, event_class)
    _cut_times(fields)
    try:
        event = msgspec.convert(fields, event_class)
    except msgspec.ValidationError as error:
        return Rejected(_reason_of(str(error)), str(error))
    return _keep(event, extra)


def _keep(event: Event, extra: dict[str, Any]) -> Decoded | Rejected:
    try:
        return Decoded(event, orjson.dumps(extra).decode() if extra else None)
    except orjson.JSONEncodeError as error:  # it reads 1,024 levels, but writes 254
        return Rejected(Reason.NOT_STORABLE, f"the unknown fields cannot be kept: {error}")


def _not_json(value: bytes, error: orjson.JSONDecodeError) -> Rejected:
    try:
        value.decode()
    except UnicodeDecodeError as encoding_error:
        return Rejected(Reason.BAD_ENCODING, f"{encoding_error}{looks_like(value)}")
    return Rejected(Reason.BAD_JSON, f"{error}{looks_like(value)}")


def _shown(value: object) -> str:
    """A value as an error may quote it: one that is nested a thousand levels deep cannot even be written out."""
    return type(value).__name__ if isinstance(value, dict | list) else repr(value)[:_QUOTED]


def _judge_version(version: int) -> tuple[Reason, str]:
    return Reason.UNKNOWN_SCHEMA_VERSION, f"schema_version {version}; this platform knows {SCHEMA_VERSION}"


def _reason_of(error: str) -> Reason:
    # Only how the text begins is msgspec's: the rest may quote the event.
    if error.startswith("Object missing required field"):
        return Reason.MISSING_FIELD
    if error.startswith("Invalid enum value"):
        return Reason.UNKNOWN_ENUM
    return Reason.WRONG_TYPE


_PARTS: dict[str, type[msgspec.Struct]] = {"order": Order, "order_items": OrderItem}


def _take_unknown(fields: dict[str, Any], event_class: type[Event]) -> dict[str, Any]:
    """Remove the fields that the contract does not know from `fields` and return them, nested as they were."""
    extra = _split(fields, {*event_class.__struct_fields__, "event_type"})
    parts = {**_PARTS, "delivery": Delivery if event_class is OrderPlaced else DeliveryStep}
    for name in parts.keys() & fields.keys():
        known = set(parts[name].__struct_fields__)
        value = fields[name]
        if isinstance(value, dict):
            unknown: Any = _split(value, known)
            found = bool(unknown)
        elif isinstance(value, list):
            unknown = [_split(line, known) if isinstance(line, dict) else {} for line in value]
            found = any(unknown)
        else:
            continue
        if found:
            extra[name] = unknown
    return extra


def _cut_times(fields: dict[str, Any]) -> None:
    """Cut the digits of known times beyond microseconds, which the converter would round."""
    for part in (fields, fields.get("order"), fields.get("delivery")):
        if isinstance(part, dict):
            cut = {
                name: _SURPLUS_DIGITS.sub("", value)
                for name, value in part.items()
                if name.endswith("_time") and isinstance(value, str)
            }
            part.update(cut)


def _split(fields: dict[str, Any], known: set[str]) -> dict[str, Any]:
    return {name: fields.pop(name) for name in list(fields) if name not in known}
