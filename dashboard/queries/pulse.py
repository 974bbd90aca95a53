"""How old the figures are: the stream's heartbeat and the share of the history already produced."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from ecom_platform.store import FigureAge, figure_age, read_progress
from ecom_platform.store.client import MongoDatabase

__all__ = ["history_complete", "history_share", "pulse"]


def pulse(db: MongoDatabase, topic: str, home: Path, now: datetime) -> FigureAge:
    """The age of every figure on screen, read at `now`."""
    return figure_age(read_progress(db, topic), now, history_share(home))


def history_share(home: Path) -> float | None:
    """How much of its history the demo's simulator has written, 0 to 1; None without a simulator or a readable file.

    Unreadable counts as unknown: the badge then tells about the stream only, which is still true.
    """
    try:
        share = json.loads((home / "simulator" / "history.json").read_text())["share"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(share) if isinstance(share, int | float) and 0 <= share <= 1 else None


def history_complete(home: Path) -> bool:
    """Whether there is no history being loaded, so that past days can be compared with."""
    loaded = history_share(home)
    return loaded is None or loaded >= 1
