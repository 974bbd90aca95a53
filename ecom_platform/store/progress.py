"""The stream's heartbeat, and how old the figures are that it maintains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import PROGRESS

STALE_AFTER: Final = timedelta(seconds=15)
SILENT_AFTER: Final = timedelta(seconds=60)
CATCHING_UP_ABOVE_EVENTS: Final = 1_000


class AgeState(StrEnum):
    """How far the figures can be taken for the present."""

    LIVE = "Live"
    CATCHING_UP = "Catching up"
    STALE = "Stale"
    SOURCE_SILENT = "Source silent"
    LOADING_HISTORY = "Loading history"


@dataclass(frozen=True, slots=True)
class Progress:
    """The last heartbeat for one partition; written every half second while the stream lives, idle or not.

    Attributes:
        lag: events in Kafka that were not applied, those included that cannot be read yet.
        held: events among them behind a transaction that is still open, `held_since` then.
    """

    topic: str
    partition: int
    next: int
    end: int
    lag: int
    last_record_at: datetime | None
    updated_at: datetime
    batch_id: int
    batch_seconds: float
    batch_events: int
    held: int = 0
    held_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class FigureAge:
    """The instant the figures describe (None: nothing was applied yet), their state and the events still to come."""

    as_of: datetime | None
    state: AgeState
    events_behind: int
    history_share: float | None


def read_progress(db: MongoDatabase, topic: str) -> list[Progress]:
    """The heartbeats of a topic, by partition; empty before the stream's first batch. Raises UnavailableError."""
    with mongo_errors("reading the stream's progress"):
        rows = list(db[PROGRESS].find({"topic": topic}).sort("partition"))
    return [
        Progress(**{field.name: row[field.name] for field in fields(Progress) if field.name in row}) for row in rows
    ]


def figure_age(progress: Sequence[Progress], now: datetime, history_share: float | None = None) -> FigureAge:
    """How old figures are that were read at `now`.

    A partition without lag is as fresh as its heartbeat, one with lag only as its last applied record; the figures are
    as fresh as the oldest partition. The first state that holds is shown: Stale hides the lag that was last reported,
    and a history being loaded explains a lag.

    Args:
        progress: the last heartbeat of every partition.
        now: the instant of reading, by the same clock as the heartbeats.
        history_share: 0..1 while the simulator still writes its history, else None.
    """
    behind = sum(part.lag for part in progress)
    return FigureAge(_as_of(progress), _state(progress, behind, now, history_share), behind, history_share)


def _as_of(progress: Sequence[Progress]) -> datetime | None:
    instants = [part.updated_at if part.lag == 0 else part.last_record_at for part in progress]
    known = [instant for instant in instants if instant is not None]
    return min(known) if known and len(known) == len(instants) else None


def _state(progress: Sequence[Progress], behind: int, now: datetime, history_share: float | None) -> AgeState:
    # A heartbeat far ahead of now is none of a living stream either: the clock was set back behind it.
    if not progress or max(abs(now - part.updated_at) for part in progress) >= STALE_AFTER:
        return AgeState.STALE
    if history_share is not None and history_share < 1:
        return AgeState.LOADING_HISTORY
    if behind > CATCHING_UP_ABOVE_EVENTS:
        return AgeState.CATCHING_UP
    last = max((part.last_record_at for part in progress if part.last_record_at), default=None)
    if behind == 0 and (last is None or now - last >= SILENT_AFTER):
        return AgeState.SOURCE_SILENT
    return AgeState.LIVE
