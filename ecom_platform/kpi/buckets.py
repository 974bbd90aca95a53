"""Time buckets, delay bins and field names of the rollups: the small conversions both writers and readers need.

Buckets are numbered by integer division of the Unix time, so that folding needs no date arithmetic; their names are the
beginning of the ISO time, which sorts, so that a range of buckets is a range of `_id`s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

UNKNOWN = "unknown"
"""Value of a dimension attribute whose member is not (yet) known."""

PRODUCTS_PER_BLOCK = 50
"""Products that share a rollup document: one document per product cost a third of the write rate."""

BIN_SECONDS = 300
FIRST_BIN_SECONDS = -48 * 3600
BINS = (48 + 72) * 3600 // BIN_SECONDS
"""Bins of a delay: from 48 hours early to 72 hours late; the first and the last take what lies beyond."""

MINUTE_RETENTION: Final = timedelta(days=3)
_FINE_RETENTION: Final = timedelta(days=8)


class Grain(Enum):
    """Length of a bucket: seconds, name in `_id`s, how to write its start, how long its documents are kept."""

    MINUTE = (60, "minute", "%Y-%m-%dT%H:%M", MINUTE_RETENTION)
    HALF_HOUR = (1800, "30m", "%Y-%m-%dT%H:%M", _FINE_RETENTION)
    HOUR = (3600, "hour", "%Y-%m-%dT%H", _FINE_RETENTION)
    DAY = (86400, "day", "%Y-%m-%d", None)

    def __init__(self, seconds: int, label: str, form: str, retention: timedelta | None) -> None:
        self.seconds = seconds
        self.label = label
        self.form = form
        self.retention = retention

    def expired(self, bucket: int, now: datetime) -> bool:
        """Whether the bucket is past its retention, so that it no longer takes contributions."""
        return self.retention is not None and bucket * self.seconds < (now - self.retention).timestamp()


def bucket_time(grain: Grain, bucket: int) -> datetime:
    """Return the first instant of a bucket."""
    return datetime.fromtimestamp(bucket * grain.seconds, UTC)


# A chunk names the same few hundred buckets some ten thousand times.
@lru_cache(maxsize=16_384)
def bucket_label(grain: Grain, bucket: int) -> str:
    """Return the name of a bucket as it stands in `_id`s."""
    return bucket_time(grain, bucket).strftime(grain.form)


def bucket_name(grain: Grain, when: datetime) -> str:
    """Return the name of the bucket that `when` falls into, as it stands in `_id`s."""
    return bucket_label(grain, int(when.timestamp()) // grain.seconds)


def delay_bin(delay_seconds: float) -> int:
    """Return the 5-minute bin of a signed delay; −48 h and earlier share the first, 72 h and later the last."""
    return min(max(int((delay_seconds - FIRST_BIN_SECONDS) // BIN_SECONDS), 0), BINS - 1)


def bin_edge_seconds(number: int) -> int:
    """Return the lower edge of a delay bin, in seconds relative to the promise."""
    return FIRST_BIN_SECONDS + number * BIN_SECONDS


# The same for the names of a shop's cities, categories and payment types.
@lru_cache(maxsize=16_384)
def field_key(name: str) -> str:
    """Return `name` as a MongoDB field name that is safe in a path: `.`, `$`, `%` and NUL are percent-encoded."""
    if name and not _UNSAFE.intersection(name):
        return name
    return quote(name, safe=_SAFE).replace(".", "%2E") or "%"


def field_name(key: str) -> str:
    """Return the name that `field_key` made a field of."""
    return "" if key == "%" else unquote(key)


_UNSAFE = frozenset(".$%\0")
_SAFE = " !\"#&'()*+,-/:;<=>?@[\\]^_`{|}~"
