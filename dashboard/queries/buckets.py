"""Which rollup documents a window is made of: whole days from day documents, what sticks out from finer ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from dashboard.ranges import DAY, Window
from ecom_platform.kpi import Grain, bucket_name

__all__ = ["day_aligned", "id_range", "pieces"]


def pieces(window: Window, fine: Grain) -> list[tuple[Grain, Window]]:
    """Split `window` so that as few documents as possible are read; its ends lie on buckets of the fine grain."""
    first_midnight = day_aligned(window.start + DAY - timedelta(microseconds=1))
    last_midnight = day_aligned(window.end)
    if first_midnight >= last_midnight:
        return [(fine, window)] if window.start < window.end else []
    parts = [
        (fine, Window(window.start, first_midnight)),
        (Grain.DAY, Window(first_midnight, last_midnight)),
        (fine, Window(last_midnight, window.end)),
    ]
    return [(grain, part) for grain, part in parts if part.start < part.end]


def day_aligned(instant: datetime) -> datetime:
    """The midnight (UTC) at or before `instant`."""
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def id_range(grain: Grain, window: Window, prefix: str = "") -> dict[str, str]:
    """The `_id`s of the buckets in `window`: their names sort like the times they stand for."""
    return {
        "$gte": f"{prefix}{bucket_name(grain, window.start)}",
        "$lt": f"{prefix}{bucket_name(grain, window.end)}",
    }
