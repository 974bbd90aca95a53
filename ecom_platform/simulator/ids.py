"""Deterministic identities: well-mixed integers from plain ones, and time-ordered event ids.

Nothing here depends on the process (no `hash()`), so the same shop gives the same bytes everywhere.
"""

from __future__ import annotations

_MASK_64 = 2**64 - 1
_MASK_62 = 2**62 - 1
_MASK_48 = 2**48 - 1
_ODD = 0x2545_F491_4F6C_DD1D
RECEIPTS = 1 << 61  # receipts are numbered apart from orders


def mix(*numbers: int) -> int:
    """Return 64 well-mixed bits of a sequence of integers (the finaliser of SplitMix64, chained)."""
    state = 0
    for number in numbers:
        state = (state ^ number) + 0x9E37_79B9_7F4A_7C15 & _MASK_64
        state = (state ^ state >> 30) * 0xBF58_476D_1CE4_E5B9 & _MASK_64
        state = (state ^ state >> 27) * 0x94D0_49BB_1331_11EB & _MASK_64
        state ^= state >> 31
    return state


def share_of(bits: int) -> float:
    """Return 64 bits as a number in [0, 1)."""
    return (bits >> 11) / 2**53


def event_id(time_ms: int, unique: int, salt: int) -> str:
    """Return a UUID of version 7: the time in milliseconds, then bits that differ whenever `unique` differs.

    Multiplying by an odd number is a bijection of 62-bit integers, so two events of one shop never share an id.
    """
    tail = (unique * _ODD ^ salt) & _MASK_62
    return (
        f"{time_ms >> 16:08x}-{time_ms & 0xFFFF:04x}-7{salt >> 52 & 0xFFF:03x}"
        f"-{0x8000 | tail >> 48:04x}-{tail & _MASK_48:012x}"
    )
