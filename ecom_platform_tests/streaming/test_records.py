"""Kafka records on their way through a task."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

import pytest

from ecom_platform.contract import MAX_KEY_BYTES, MAX_VALUE_BYTES, Decoded, Reason, Rejected, encode
from ecom_platform.streaming.records import Cut, Record, chunks, decode_records, drop_before
from ecom_platform_tests.streaming.events import HISTORY_START, placed, records


def sized(sizes: list[int | None]) -> list[Record]:
    """Records with values of the given lengths."""
    return [Record(offset, 0, None, None if size is None else b"x" * size) for offset, size in enumerate(sizes)]


def offsets(cut: list[list[Record]]) -> list[list[int]]:
    """The offsets in each chunk."""
    return [[record.offset for record in chunk] for chunk in cut]


def test_the_time_is_kafkas_to_the_millisecond() -> None:
    """Whatever the time zone of the machine."""
    assert Record(0, 1_795_417_200_123, None, None).time == datetime(2026, 11, 23, 7, 0, 0, 123_000, UTC)


@pytest.mark.parametrize("milliseconds", [-1, -(10**15), -(2**63), 253_402_300_800_000, 10**17, 2**63 - 1])
def test_a_timestamp_that_is_no_date_makes_a_dead_letter_among_those_of_now(milliseconds: int) -> None:
    """A producer that takes nanoseconds for milliseconds is told so; no minute of the year 9999 is counted."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    record = Record(0, milliseconds, b"1", encode(placed(1)))
    (decoded,) = decode_records([record], HISTORY_START)

    assert isinstance(decoded.outcome, Rejected)
    assert decoded.outcome.reason is Reason.OUT_OF_RANGE
    assert str(milliseconds) in decoded.outcome.error
    assert before <= record.time <= datetime.now(UTC)


def test_decoding_keeps_the_place_of_each_record() -> None:
    """Good and bad ones alike."""
    decoded = decode_records(records([placed(1), b"{", None], first_offset=7), HISTORY_START)

    assert [item.record.offset for item in decoded] == [7, 8, 9]
    assert isinstance(decoded[0].outcome, Decoded)
    assert [item.outcome.reason for item in decoded[1:]] == [Reason.BAD_JSON, Reason.NULL_VALUE]


@pytest.mark.parametrize(("surplus", "accepted"), [(0, True), (1, False)])
def test_a_message_beyond_the_limit_is_not_storable(surplus: int, accepted: bool) -> None:
    """Otherwise an order with its unknown fields could outgrow a document."""
    event = encode(placed(1))[:-1] + b', "x": "'
    value = event + b"x" * (MAX_VALUE_BYTES + surplus - len(event) - 2) + b'"}'
    (decoded,) = decode_records(records([value]), HISTORY_START)

    assert len(value) == MAX_VALUE_BYTES + surplus
    if accepted:
        assert isinstance(decoded.outcome, Decoded)
    else:
        assert isinstance(decoded.outcome, Rejected)
        assert decoded.outcome.reason == Reason.NOT_STORABLE


@pytest.mark.parametrize(
    ("key", "value"), [(b"1", b"v" * (MAX_VALUE_BYTES + 1)), (b"k" * (MAX_KEY_BYTES + 1), encode(placed(1)))]
)
def test_of_a_message_beyond_the_limits_the_beginning_is_kept_and_what_it_was(key: bytes, value: bytes) -> None:
    """Length and digest say which one it was; nobody mistakes the beginning for the message."""
    (decoded,) = decode_records([Record(0, 0, key, value)], HISTORY_START)

    assert decoded.record.cut == Cut(len(key), len(value), hashlib.sha256(value).hexdigest())
    assert (decoded.record.key, decoded.record.value) == (key[:65_536], value[:65_536])
    assert isinstance(decoded.outcome, Rejected)
    assert (decoded.outcome.reason, "cannot be replayed" in decoded.outcome.error) == (Reason.NOT_STORABLE, True)


def test_what_was_cut_where_it_was_read_is_beyond_the_limits_still() -> None:
    """Its beginning alone would be taken for bad JSON."""
    (decoded,) = decode_records([Record(0, 0, b"1", b"{", Cut(1, 5_000_000, "0f"))], HISTORY_START)

    assert isinstance(decoded.outcome, Rejected)
    assert decoded.outcome.reason == Reason.NOT_STORABLE
    assert "5000000" in decoded.outcome.error


def test_a_retried_task_resumes_behind_what_is_committed() -> None:
    """Its rows are read again from the first; those below the stored offset are dropped."""
    assert [record.offset for record in drop_before(sized([1, 1, 1, 1]), 2)] == [2, 3]


def test_chunks_end_at_the_number_of_events_or_bytes() -> None:
    """Whichever comes first."""
    assert offsets(list(chunks(sized([1] * 5), 2, 100))) == [[0, 1], [2, 3], [4]]
    assert offsets(list(chunks(sized([40, 40, 40, None, 40]), 10, 100))) == [[0, 1], [2, 3, 4]]
    assert offsets(list(chunks([Record(n, 0, b"k" * 40, b"v" * 20) for n in range(3)], 10, 120))) == [[0, 1], [2]]


@pytest.mark.parametrize("seed", range(3))
def test_chunks_keep_every_record_in_order(seed: int) -> None:
    """Random sizes and limits."""
    chance = random.Random(seed)
    for _ in range(100):
        made = sized([chance.choice((None, chance.randint(0, 50))) for _ in range(chance.randint(0, 40))])
        cut = list(chunks(made, chance.randint(1, 10), chance.randint(1, 100)))
        assert [record for chunk in cut for record in chunk] == made
        assert all(cut)
