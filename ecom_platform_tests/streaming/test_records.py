"""Kafka records on their way through a task."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from ecom_platform.contract import Decoded, Reason, Rejected, encode
from ecom_platform.streaming.records import MAX_VALUE_BYTES, Record, chunks, decode_records, drop_before
from ecom_platform_tests.streaming.events import NOW, placed, records

HISTORY_START = NOW.replace(year=2020, month=1, day=1)


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


def test_a_retried_task_resumes_behind_what_is_committed() -> None:
    """Its rows are read again from the first; those below the stored offset are dropped."""
    assert [record.offset for record in drop_before(sized([1, 1, 1, 1]), 2)] == [2, 3]


def test_chunks_end_at_the_number_of_events_or_bytes() -> None:
    """Whichever comes first."""
    assert offsets(list(chunks(sized([1] * 5), 2, 100))) == [[0, 1], [2, 3], [4]]
    assert offsets(list(chunks(sized([40, 40, 40, None, 40]), 10, 100))) == [[0, 1], [2, 3, 4]]


def test_a_record_larger_than_a_chunk_is_a_chunk_of_its_own() -> None:
    """It cannot be cut."""
    assert offsets(list(chunks(sized([1, 500, 1]), 10, 100))) == [[0], [1], [2]]


@pytest.mark.parametrize("seed", range(3))
def test_chunks_keep_every_record_in_order(seed: int) -> None:
    """Random sizes and limits."""
    chance = random.Random(seed)
    for _ in range(100):
        made = sized([chance.choice((None, chance.randint(0, 50))) for _ in range(chance.randint(0, 40))])
        cut = list(chunks(made, chance.randint(1, 10), chance.randint(1, 100)))
        assert [record for chunk in cut for record in chunk] == made
        assert all(cut)
