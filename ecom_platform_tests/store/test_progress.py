"""How old a figure is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecom_platform.store import AgeState, MongoDatabase, Progress, figure_age, read_progress
from ecom_platform.store.collections import PROGRESS

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def beat(
    partition: int = 0, *, lag: int = 0, heartbeat_seconds: float = 1, record_seconds: float | None = 2
) -> Progress:
    """A heartbeat so many seconds ago, whose last record is so many seconds old."""
    record = None if record_seconds is None else NOW - timedelta(seconds=record_seconds)
    updated = NOW - timedelta(seconds=heartbeat_seconds)
    return Progress("orders", partition, 100, 100 + lag, lag, record, updated, 1, 0.1, 10)


@pytest.mark.parametrize(
    ("beats", "share", "state"),
    [
        ([beat()], None, AgeState.LIVE),
        ([beat()], 1.0, AgeState.LIVE),
        ([beat(lag=1_000)], None, AgeState.LIVE),
        ([beat(lag=1_001)], None, AgeState.CATCHING_UP),
        ([beat(0, lag=600), beat(1, lag=600)], None, AgeState.CATCHING_UP),
        ([beat(heartbeat_seconds=14.9)], None, AgeState.LIVE),
        ([beat(heartbeat_seconds=15)], None, AgeState.STALE),
        ([beat(0), beat(1, heartbeat_seconds=15)], None, AgeState.STALE),
        ([beat(heartbeat_seconds=-3_600)], None, AgeState.STALE),  # the clock was set back after the stream had died
        ([beat(lag=9_999, heartbeat_seconds=20)], 0.5, AgeState.STALE),
        ([beat(record_seconds=59.9)], None, AgeState.LIVE),
        ([beat(record_seconds=60)], None, AgeState.SOURCE_SILENT),
        ([beat(0, record_seconds=300), beat(1, record_seconds=3)], None, AgeState.LIVE),
        ([beat(lag=5, record_seconds=300)], None, AgeState.LIVE),
        ([beat(record_seconds=None)], None, AgeState.SOURCE_SILENT),
        ([beat(lag=5_000)], 0.3, AgeState.LOADING_HISTORY),
        ([beat()], 0.0, AgeState.LOADING_HISTORY),
        ([], None, AgeState.STALE),
    ],
)
def test_the_state_follows_heartbeat_history_lag_and_source(
    beats: list[Progress], share: float | None, state: AgeState
) -> None:
    """Every state at its border."""
    assert figure_age(beats, NOW, share).state == state


def test_figures_are_as_old_as_their_oldest_partition() -> None:
    """A partition without lag counts by its heartbeat, one with lag by its last applied record."""
    age = figure_age([beat(0, heartbeat_seconds=1, record_seconds=50), beat(1, lag=3, record_seconds=8)], NOW)

    assert age.as_of == NOW - timedelta(seconds=8)
    assert age.events_behind == 3


def test_a_quiet_source_does_not_make_figures_old() -> None:
    """Nothing happened, and that is known up to the heartbeat."""
    assert figure_age([beat(record_seconds=3_600)], NOW).as_of == NOW - timedelta(seconds=1)


def test_a_partition_of_which_nothing_was_applied_makes_the_age_unknown() -> None:
    """An unknown age is not shown as a fresh one."""
    assert figure_age([beat(0), beat(1, lag=10, record_seconds=None)], NOW).as_of is None


def test_heartbeats_are_read_back_as_they_were_written(db: MongoDatabase) -> None:
    """By partition, other topics left out."""
    written = [beat(1, lag=4), beat(0)]
    for part in written:
        row = {name: getattr(part, name) for name in Progress.__slots__}
        db[PROGRESS].insert_one({"_id": f"orders-{part.partition}", **row})
        db[PROGRESS].insert_one({"_id": f"other-{part.partition}", **row, "topic": "other"})

    assert read_progress(db, "orders") == [written[1], written[0]]
