"""Faults on purpose: corrupted copies beside the real events, each with the outcome it must have.

Copies are added, never put in place of an event, so every acked order is real. Whether an event gets a fault depends
on its id and the seed only. A kind that cannot befall an event (a negative quantity in a delivery step) is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from ecom_platform.contract import EventType, Reason
from ecom_platform.simulator.config import FaultRates
from ecom_platform.simulator.emission import DUPLICATE, Emission
from ecom_platform.simulator.ids import mix, share_of

# Orders of the shop are numbered from 1; no shop places this many.
ORPHAN_IDS = 8_000_000_000_000_000
_DUPLICATE_DELAY_MS = 20 * 60_000

Fields = dict[str, Any]
Corrupted = tuple[bytes | None, Reason]


class Faults:
    """The faults of one shop."""

    def __init__(self, rates: FaultRates, seed: int) -> None:
        named = msgspec.structs.asdict(rates)
        self._late = named.pop("late")
        self._rates = [(number, kind, rate) for number, (kind, rate) in enumerate(named.items()) if rate > 0]
        self._seed = seed
        self.active = bool(self._rates) or self._late > 0

    def hold_ms(self, real: Emission, limit_ms: int) -> int:
        """Return by how many milliseconds a real event is late: 0, or up to `limit_ms`."""
        bits = mix(self._seed, 99, *_numbers_of(real))
        if limit_ms <= 1_000 or share_of(bits) >= self._late:
            return 0
        return 1_000 + mix(bits) % (limit_ms - 1_000)

    def copies(self, real: Emission) -> list[Emission]:
        """Return the faulty copies that accompany a real event, each with its own time."""
        found = []
        for number, kind, rate in self._rates:
            bits = mix(self._seed, number, *_numbers_of(real))
            copy = _copy(real, kind, mix(bits)) if share_of(bits) < rate else None
            if copy:
                found.append(copy)
        return found


def _numbers_of(real: Emission) -> tuple[int, int]:
    digits = int(real.event_id.replace("-", ""), 16)
    return digits >> 64, digits & 2**64 - 1


def _copy(real: Emission, kind: str, bits: int) -> Emission | None:
    if kind == "duplicated":
        delay = bits % _DUPLICATE_DELAY_MS
        return msgspec.structs.replace(
            real, time_ms=real.time_ms + delay, total_cents=None, fault=kind, expected=DUPLICATE
        )
    if kind == "orphaned":
        return _orphan(real)
    corrupted = _CORRUPTIONS[kind](real.value or b"", bits)
    if corrupted is None:
        return None
    value, reason = corrupted
    return msgspec.structs.replace(real, value=value, total_cents=None, fault=kind, expected=f"dead:{reason}")


def _orphan(real: Emission) -> Emission | None:
    if real.event_type not in (EventType.DELIVERY_UPDATED, EventType.ORDER_CANCELLED):
        return None
    fields = _fields(real.value)
    order_id = ORPHAN_IDS + fields["order_id"]
    fields["order_id"] = fields["delivery"]["delivery_id"] = order_id
    return msgspec.structs.replace(
        real,
        order_id=order_id,
        key=b"%d" % order_id,
        value=orjson.dumps(fields),
        fault="orphaned",
        expected=f"dead:{Reason.UNKNOWN_ORDER}",
    )


def _malformed(value: bytes, bits: int) -> Corrupted:
    if b'"order_items"' in value:
        variants = _MALFORMED_ORDERS
    else:
        variants = _MALFORMED_STEPS if b'"delivery"' in value else _MALFORMED
    return variants[bits % len(variants)](value)


def _changed(change: Callable[[Fields], object], reason: Reason) -> Callable[[bytes], Corrupted]:
    """A corruption that changes the fields of an event, and the reason for which it must be refused."""

    def corrupt(value: bytes) -> Corrupted:
        fields = _fields(value)
        change(fields)
        return orjson.dumps(fields), reason

    return corrupt


def _add(fields: Fields, name: str) -> None:
    fields[name] += 1


def _move(fields: Fields, name: str, by: timedelta) -> None:
    """Let a time be one that lies so far from when the order was placed."""
    fields[name] = (datetime.fromisoformat(fields["order_time"]) + by).isoformat(timespec="milliseconds")


def _unknown_enum(value: bytes, _bits: int) -> Corrupted | None:
    fields = _fields(value)
    if "order" in fields:
        fields["order"]["payment_type"] = "Barter"
    elif "delivery" in fields:
        fields["delivery"]["status"] = "Teleported"
    else:
        return None
    return orjson.dumps(fields), Reason.UNKNOWN_ENUM


def _negative_quantity(value: bytes, _bits: int) -> Corrupted | None:
    fields = _fields(value)
    if "order_items" in fields:
        fields["order_items"][0]["quantity"] *= -1
    elif "quantity" in fields:
        fields["quantity"] *= -1
    else:
        return None
    return orjson.dumps(fields), Reason.NEGATIVE_QUANTITY


def _newer_schema(value: bytes, _bits: int) -> Corrupted:
    return orjson.dumps({**_fields(value), "schema_version": 2}), Reason.UNKNOWN_SCHEMA_VERSION


def _fields(value: bytes | None) -> Fields:
    fields: Fields = orjson.loads(value or b"{}")
    return fields


_MALFORMED: list[Callable[[bytes], Corrupted]] = [
    lambda value: (value[: len(value) * 2 // 3], Reason.BAD_JSON),
    lambda value: (value[:40] + b"\xff\xfe" + value[40:], Reason.BAD_ENCODING),
    lambda _value: (None, Reason.NULL_VALUE),
    lambda value: (b"[" + value + b"]", Reason.NOT_AN_OBJECT),
    _changed(lambda fields: fields.pop("event_time"), Reason.MISSING_FIELD),
    _changed(lambda fields: fields.update(event_time=17), Reason.WRONG_TYPE),
]
_MALFORMED_ORDERS = [
    *_MALFORMED,
    _changed(lambda fields: _add(fields["order"], "total_cents"), Reason.TOTALS_MISMATCH),
    _changed(lambda fields: _add(fields["delivery"], "order_id"), Reason.ID_MISMATCH),
]
_MALFORMED_STEPS = [
    *_MALFORMED,
    _changed(lambda fields: _move(fields, "event_time", timedelta(weeks=-4)), Reason.OUT_OF_RANGE),
    _changed(lambda fields: _move(fields, "order_time", timedelta(seconds=1)), Reason.ORDER_TIME_MISMATCH),
]
_CORRUPTIONS: dict[str, Callable[[bytes, int], Corrupted | None]] = {
    "malformed": _malformed,
    "unknown_enum": _unknown_enum,
    "negative_quantity": _negative_quantity,
    "newer_schema": _newer_schema,
}
