"""Decoding answers to any bytes; an exception would stop the stream at that message for ever."""

from __future__ import annotations

import json
import random

import pytest

from ecom_platform.contract import Decoded, OrderPlaced, Reason, Rejected
from ecom_platform_tests.contract.wire import EVENTS, accepted, changed, receive, rejected, text

PLACED = text(changed())


def with_unknown(value: str) -> str:
    """A valid event with one unknown field."""
    return f'{PLACED[:-1]}, "x": {value}}}'


def with_total(value: str) -> str:
    """A valid event with other text for its total."""
    return PLACED.replace('"total_cents": 40000', f'"total_cents": {value}')


@pytest.mark.parametrize("depth", [200, 253])
def test_a_deep_unknown_field_is_kept(depth: int) -> None:
    """What JSON libraries can write again is kept."""
    assert isinstance(accepted(with_unknown("[" * depth + "]" * depth)), OrderPlaced)


@pytest.mark.parametrize("depth", [254, 300, 1_000, 1_024, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_absurd_nesting_is_a_dead_letter(depth: int, opening: str, closing: str) -> None:
    """Between what can be read and what can be written again lies a band that once raised."""
    nested = opening * depth + "1" + closing * depth

    assert rejected(with_unknown(nested)).reason in (Reason.NOT_STORABLE, Reason.BAD_JSON)
    assert isinstance(rejected(nested), Rejected)
    assert rejected(opening * depth).reason == Reason.BAD_JSON


@pytest.mark.parametrize("depth", [100, 900, 1_000, 1_020])
@pytest.mark.parametrize(
    "known",
    [
        '"schema_version": 1,',
        '"event_type": "order_placed",',
        '"event_id": "0190-1",',
        '"order_id": 4711,',
        '"payment_type": "Credit Card"',
        '"status": "Pending",',
        '"actual_time": null',
    ],
)
def test_absurd_nesting_in_the_place_of_a_known_value_is_a_dead_letter(known: str, depth: int) -> None:
    """Quoting it in the error once raised, and would have stopped the stream at that message for ever."""
    name, _, value = known.partition(": ")
    nested = "[" * depth + "]" * depth + ("," if value.endswith(",") else "")
    assert known in PLACED

    assert rejected(PLACED.replace(known, f"{name}: {nested}")).error


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "01", "+1", "0x10", "1_000"])
def test_what_json_does_not_call_a_number_is_bad_json(number: str) -> None:
    """Some JSON writers produce them; what they mean in money cannot be known."""
    assert rejected(with_total(number)).reason == Reason.BAD_JSON
    assert rejected(with_unknown(number)).reason == Reason.BAD_JSON


@pytest.mark.parametrize("digits", [18, 19, 20, 30, 400, 4_000, 5_000, 100_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_huge_whole_numbers_are_refused(digits: int, sign: str) -> None:
    """Beyond 64 bits, beyond a double, and beyond what Python turns into text."""
    number = f"{sign}1{'0' * digits}"

    for message in (with_total(number), PLACED.replace('"schema_version": 1', f'"schema_version": {number}')):
        assert isinstance(rejected(message), Rejected)


@pytest.mark.parametrize("escaped", [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\ud800"])
def test_lone_surrogates_are_refused(escaped: str) -> None:
    """They are no characters: UTF-8 cannot hold them, so neither can BSON."""
    assert rejected(PLACED.replace("0190-1", escaped)).reason == Reason.BAD_JSON
    assert rejected(with_unknown(f'"{escaped}"')).reason == Reason.BAD_JSON


def test_surrogates_as_bytes_are_bad_encoding() -> None:
    """Some writers produce the three bytes of a surrogate; that is not UTF-8."""
    assert rejected(PLACED.encode().replace(b"0190-1", b"\xed\xa0\x80")).reason == Reason.BAD_ENCODING


def test_an_escaped_nul_is_a_character_and_a_raw_one_is_bad_json() -> None:
    """In a value it can be stored; a key of an unknown field is kept inside JSON text, where it does no harm."""
    assert accepted(PLACED.replace("0190-1", r"\u0000")).event_id == "\0"
    assert rejected(PLACED.replace("0190-1", "\0")).reason == Reason.BAD_JSON

    kept = receive(PLACED[:-1] + r', "\u0000$.": 1}')
    assert isinstance(kept, Decoded)
    assert json.loads(kept.extra or "") == {"\0$.": 1}


def test_of_a_repeated_key_the_last_value_counts() -> None:
    """As in every common JSON library; the fast and the slow way must not differ."""
    again = f'{PLACED[:-1]}, "order_id": 5'

    assert rejected(again + "}").reason == Reason.ID_MISMATCH
    assert rejected(again + ', "x": 1}').reason == Reason.ID_MISMATCH


@pytest.mark.parametrize("lines", [501, 100_000])
def test_huge_arrays_are_absurd(lines: int) -> None:
    """Refused by their length, before each line is looked at."""
    assert rejected(changed(order_items=changed()["order_items"][:1] * lines)).reason == Reason.ABSURD_NUMBER


@pytest.mark.parametrize("field", ["event_time", "order__order_time", "delivery__expected_time"])
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-02:00", "0001-01-01T00:00:00+02:00", "10000-01-01T00:00:00Z"])
def test_times_at_the_ends_of_the_calendar_raise_nothing(field: str, time: str) -> None:
    """In UTC these moments lie outside of what a datetime can hold."""
    assert isinstance(receive(changed(**{field: time})), Decoded | Rejected)


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("seed", range(3))
def test_random_damage_never_raises(event_type: str, seed: int) -> None:
    """Bytes removed, doubled and replaced anywhere in a valid message."""
    chance = random.Random(f"{event_type}-{seed}")
    original = text(EVENTS[event_type]).encode()
    for _ in range(2_000):
        damaged = bytearray(original)
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(damaged))
            end = min(start + chance.choice((0, 1, 1, 5, 40)), len(damaged))
            damaged[start:end] = chance.choice(
                (b"", chance.randbytes(1), chance.randbytes(3), bytes(damaged[start:end]) * 2, b"null", b"{", b'"')
            )
            if not damaged:
                break
        outcome = receive(bytes(damaged))
        assert isinstance(outcome, Decoded | Rejected)
        if isinstance(outcome, Rejected):
            assert outcome.error
            outcome.error.encode()


@pytest.mark.parametrize("event_type", EVENTS)
def test_any_json_value_in_any_place_raises_nothing(event_type: str) -> None:
    """Each field of each part replaced by each kind of value."""
    values = (None, True, 0, -1, 1.5, 10**17, "", "x", "\0", [], [1], [[]], [{}], {}, {"a": {}}, {"order_id": []})
    original = EVENTS[event_type]
    for name, part in original.items():
        for value in values:
            assert isinstance(receive({**original, name: value}), Decoded | Rejected)
            inner = part[0] if isinstance(part, list) else part
            if isinstance(inner, dict):
                for field in inner:
                    broken = {**inner, field: value, "unknown": value}
                    whole = {**original, name: [broken] if isinstance(part, list) else broken}
                    assert isinstance(receive(whole), Decoded | Rejected)
