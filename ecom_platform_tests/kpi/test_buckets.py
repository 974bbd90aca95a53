"""Time buckets, delay bins and field names."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from ecom_platform.kpi import Grain, bin_edge_seconds, bucket_name, bucket_time, delay_bin, field_key, field_name

HOUR = 3600


@pytest.mark.parametrize(
    ("delay_seconds", "number"),
    [
        (-48 * HOUR - 1, 0),
        (-48 * HOUR, 0),
        (-48 * HOUR + 299.999, 0),
        (-48 * HOUR + 300, 1),
        (-0.001, 575),
        (0, 576),
        (299.999, 576),
        (300, 577),
        (72 * HOUR - 300.001, 1438),
        (72 * HOUR - 300, 1439),
        (72 * HOUR, 1439),
        (10**9, 1439),
        (-(10**9), 0),
    ],
)
def test_delay_bins_are_closed_below_and_open_above(delay_seconds: float, number: int) -> None:
    """Five minutes each from 48 hours early to 72 hours late; the outer bins take what lies beyond."""
    assert delay_bin(delay_seconds) == number


def test_the_lower_edge_of_a_bin_lies_in_it() -> None:
    """Readers turn bins back into seconds."""
    assert [delay_bin(bin_edge_seconds(number)) for number in range(1440)] == list(range(1440))


@pytest.mark.parametrize(
    ("grain", "name"),
    [
        (Grain.MINUTE, "2026-11-23T07:59"),
        (Grain.HALF_HOUR, "2026-11-23T07:30"),
        (Grain.HOUR, "2026-11-23T07"),
        (Grain.DAY, "2026-11-23"),
    ],
)
def test_a_bucket_is_named_by_its_first_instant(grain: Grain, name: str) -> None:
    """The last millisecond belongs to it."""
    last = datetime(2026, 11, 23, 7, 59, 59, 999_000, UTC)
    number = int(last.timestamp()) // grain.seconds

    assert bucket_name(grain, last) == name
    assert bucket_name(grain, bucket_time(grain, number)) == name


@pytest.mark.parametrize("name", ["", "%", "%25", ".", "$", "a.b", "$set", "St. Gallen", "100 %", "a\0b", "%2E", "é.ü"])
def test_any_name_survives_being_a_field(name: str) -> None:
    """Under any name of a city or category, its key is one field of a document."""
    key = field_key(name)

    assert field_name(key) == name
    assert key
    assert not set(".$\0") & set(key)


def test_plain_names_stay_readable() -> None:
    """Nearly all of them."""
    assert [field_key(name) for name in ("Oslo", "Toys & Games", "São Paulo", "unknown")] == [
        "Oslo",
        "Toys & Games",
        "São Paulo",
        "unknown",
    ]


def test_different_names_never_share_a_field() -> None:
    """Random names of the dangerous characters."""
    chance = random.Random(1)
    names = {"".join(chance.choices(".$%\0 2E5aé", k=chance.randint(0, 5))) for _ in range(5_000)}

    assert len({field_key(name) for name in names}) == len(names)
    assert {field_name(field_key(name)) for name in names} == names
