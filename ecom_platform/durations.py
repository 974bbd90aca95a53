"""Durations as people write them: `1d`, `12h`, `30m`, `90s`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse_duration(text: str) -> timedelta:
    """A whole number and a unit of d, h, m, s. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d{1,6})([dhms])", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration; write a whole number and d, h, m or s, for example 1d or 12h")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def format_duration(duration: timedelta) -> str:
    """The same way back, in the largest unit that leaves a whole number."""
    seconds = int(duration.total_seconds())
    unit, size = next(item for item in _SECONDS.items() if seconds % item[1] == 0)
    return f"{seconds // size}{unit}"
