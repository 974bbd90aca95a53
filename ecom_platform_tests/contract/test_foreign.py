"""What producers in other languages send, by what was reported elsewhere: each has its verdict, and says why."""

from __future__ import annotations

import gzip
import json
import pickle

import pytest

from ecom_platform.contract import Decoded, OrderPlaced, Reason
from ecom_platform_tests.contract.wire import accepted, changed, of_one_line, receive, rejected, text

PLACED = text(changed())
UTF8 = PLACED.encode()


@pytest.mark.parametrize(
    ("value", "reason", "said"),
    [
        (b"\xef\xbb\xbf" + UTF8, Reason.BAD_JSON, "byte order mark"),
        (PLACED.encode("utf-16"), Reason.BAD_ENCODING, "UTF-16"),
        (PLACED.encode("utf-16-le"), Reason.BAD_JSON, "UTF-16"),
        (PLACED.encode("utf-16-be"), Reason.BAD_JSON, "UTF-16"),
        (gzip.compress(UTF8), Reason.BAD_ENCODING, "gzip"),
        (b"\0\0\0\1\7" + UTF8, Reason.BAD_JSON, "schema registry, schema 263"),
        (b"\xc3\x01" + bytes(8) + UTF8, Reason.BAD_ENCODING, "Avro"),
        (pickle.dumps(changed(), protocol=4), Reason.BAD_ENCODING, "pickle"),
        (b"<order id='4711'/>", Reason.BAD_JSON, "XML"),
        (UTF8 + b"\0", Reason.BAD_JSON, "C string"),
        (json.dumps(PLACED).encode(), Reason.NOT_AN_OBJECT, "encoded twice"),
        (b"", Reason.BAD_JSON, "empty"),
        (b" \r\n", Reason.BAD_JSON, "empty"),
        (UTF8 + b"\n" + UTF8, Reason.BAD_JSON, "after document"),
        (json.dumps({"schema": {}, "payload": changed()}).encode(), Reason.MISSING_FIELD, "event_type"),
    ],
)
def test_another_form_of_message_is_called_by_its_name(value: bytes, reason: Reason, said: str) -> None:
    """The person who mends the producer reads what it sends, not where a parser gave up."""
    rejection = rejected(value)

    assert rejection.reason == reason
    assert said in rejection.error


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4e4", Reason.WRONG_TYPE),
        ("40000.0", Reason.WRONG_TYPE),
        ("-0.0", Reason.WRONG_TYPE),
        ('"40000"', Reason.WRONG_TYPE),
        ('{"$numberLong": "40000"}', Reason.WRONG_TYPE),
        ("1e999", Reason.BAD_JSON),
        ("9223372036854775808", Reason.ABSURD_NUMBER),
        ("19933688932870350000", Reason.ABSURD_NUMBER),  # 65 bits, which a decoder once cut to 61
        ("-9223372036854775809", Reason.NEGATIVE_AMOUNT),
    ],
)
def test_an_amount_in_another_form_is_refused_and_never_guessed(number: str, reason: Reason) -> None:
    """Exponents, points, texts, extended JSON, more than 64 bits; beside an unknown field it is dead as well."""
    wire = PLACED.replace('"total_cents": 40000', f'"total_cents": {number}')

    assert rejected(wire).reason == reason
    assert rejected(f'{wire[:-1]}, "x": 1}}').error


def test_a_negative_zero_is_zero() -> None:
    """JavaScript and Java write it for a refund of nothing."""
    event = accepted(text(of_one_line(1, 0)).replace('_cents": 0', '_cents": -0'))

    assert isinstance(event, OrderPlaced)
    assert str(event.order.total_cents) == "0"


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-23T06:59Z",  # Java's OffsetDateTime leaves out seconds that are zero
        "2026-11-23T06:59:59,999Z",
        "2026-11-23T06:59:60Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T06:59:59+00",
        "2026-11-23T06:59:59Z[Europe/Berlin]",
        "2026-11-23 06:59:59 UTC",
        "20261123T065959Z",
        "+002026-11-23T06:59:59Z",
        "\uff12\uff10\uff12\uff16-11-23T06:59:59Z",
    ],
)
def test_a_time_that_is_not_of_rfc_3339_is_refused_and_never_guessed(time: str) -> None:
    """ISO 8601 allows more than one can be sure to read alike."""
    assert rejected(changed(order__order_time=time)).reason == Reason.WRONG_TYPE


@pytest.mark.parametrize(
    "more",
    [
        '"event_type": "delivery_updated"',
        '"order_id": "x", "order_id": 4711',
        '"schema_version": 2, "schema_version": 1',
        '"delivery": {}',
    ],
)
def test_a_doubled_key_means_the_same_with_and_without_an_unknown_field(more: str) -> None:
    """Two decoders stand behind one another; for both the last value counts."""
    doubled = f"{text(changed('order_cancelled'))[:-1]}, {more}"
    fast, slow = receive(doubled + "}"), receive(doubled + ', "x": 1}')

    if isinstance(fast, Decoded):
        assert isinstance(slow, Decoded)
        assert slow.event == fast.event
    else:
        assert slow == fast
