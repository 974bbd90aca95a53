"""How old the figures are: the stream's heartbeat, and how much of a history is still to come."""

from __future__ import annotations

from datetime import datetime

from ecom_platform.store import FigureAge, figure_age, read_loading, read_progress
from ecom_platform.store.client import MongoDatabase


def pulse(db: MongoDatabase, topic: str, now: datetime) -> FigureAge:
    """The age of every figure on screen, read at `now`."""
    loading = read_loading(db)
    return figure_age(read_progress(db, topic), now, None if loading is None else loading.share)
