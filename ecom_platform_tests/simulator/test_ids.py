"""Identities are the same everywhere, differ from each other, and sort by time."""

from __future__ import annotations

import uuid

from ecom_platform.simulator.ids import RECEIPTS, event_id, mix, share_of


def test_an_event_id_is_a_uuid_of_version_7_with_its_time() -> None:
    """The first 48 bits are the milliseconds, so ids sort by time."""
    made = uuid.UUID(event_id(1_795_392_000_123, 8 * 4711, mix(7)))

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_795_392_000_123


def test_no_two_events_of_a_moment_share_an_id() -> None:
    """Orders, their steps and receipts are numbered apart."""
    numbers = [*range(50_000), *(RECEIPTS | number for number in range(50_000))]

    assert len({event_id(0, number, mix(7)) for number in numbers}) == 100_000


def test_mixed_bits_are_spread_evenly() -> None:
    """Of 20,000 neighbours about a tenth falls below 0.1."""
    below = sum(share_of(mix(7, number)) < 0.1 for number in range(20_000))

    assert abs(below - 2_000) < 200
