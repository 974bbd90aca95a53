"""What the supervisor hears of its stream, from a real MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from ecom_platform.orchestration.supervision import heartbeat
from ecom_platform.orchestration.supervision.world import RealWorld
from ecom_platform.orchestration.tables import FACTS, fact_key
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase


class WorldAt(RealWorld):
    """A world whose clock the test sets."""

    clock = 1_000.0

    def now(self) -> float:
        """What the test says."""
        return self.clock


def report(
    db: MongoDatabase, settings: Settings, *, position: int, lag: int, held: int = 0, at: datetime | None = None
) -> None:
    """A heartbeat, of this moment unless told otherwise."""
    beat: dict[str, Any] = {
        "topic": settings.topic,
        "partition": 0,
        "next": position,
        "end": position + lag,
        "lag": lag,
        "last_record_at": None,
        "updated_at": at or datetime.now(UTC),
        "held": held,
        "held_since": None,
        "batch_id": 1,
        "batch_seconds": 0.1,
        "batch_events": 1,
    }
    db.progress.replace_one({"_id": "0"}, beat, upsert=True)


@pytest.fixture
def world(settings: Settings, db: MongoDatabase) -> WorldAt:
    """Only what is needed to listen."""
    return WorldAt(context=None, settings=settings, db=db, lease=None, launcher=None, _moved=1_000.0)


def test_a_stream_that_reports_but_does_not_move_counts_as_silent(
    world: WorldAt, settings: Settings, db: MongoDatabase
) -> None:
    """A frozen worker leaves the heartbeat alive; with events waiting, standing still is silence."""
    report(db, settings, position=10, lag=5)
    assert world.silent_seconds() < 5

    world.clock += 200
    report(db, settings, position=10, lag=7)
    assert world.silent_seconds() == 200

    report(db, settings, position=11, lag=6)
    assert world.silent_seconds() < 5


def test_a_stream_with_nothing_to_apply_is_not_silent(world: WorldAt, settings: Settings, db: MongoDatabase) -> None:
    """Hours without an event are no hang, and the first event after them finds a stream that just moved."""
    report(db, settings, position=10, lag=0)
    world.silent_seconds()
    world.clock += 7_200
    report(db, settings, position=10, lag=0)

    assert world.silent_seconds() < 5

    report(db, settings, position=10, lag=1)
    assert world.silent_seconds() < 5


def test_a_stream_that_an_open_transaction_holds_back_is_not_silent(
    world: WorldAt, settings: Settings, db: MongoDatabase
) -> None:
    """To start it again would not end the transaction."""
    report(db, settings, position=10, lag=51, held=51)
    world.silent_seconds()
    world.clock += 600
    report(db, settings, position=10, lag=51, held=51)

    assert world.silent_seconds() < 5


def test_silence_is_counted_by_a_clock_that_nobody_sets(world: WorldAt, settings: Settings, db: MongoDatabase) -> None:
    """A heartbeat of the hour before the clock was set is fresh when it is new, and old when it stays the same."""
    report(db, settings, position=10, lag=0)
    world.silent_seconds()
    hour_ahead = datetime.now(UTC) + timedelta(hours=1)
    report(db, settings, position=10, lag=0, at=hour_ahead)
    assert world.silent_seconds() < 5

    world.clock += 200
    assert world.silent_seconds() == 200


def test_nothing_is_known_before_the_first_report(world: WorldAt) -> None:
    """A stream that is starting has not reported; that is not silence."""
    assert world.silent_seconds() is None


def test_facts_are_materialized_when_events_were_applied_and_else_observed(
    settings: Settings, db: MongoDatabase
) -> None:
    """A night without an order makes nothing; neither does a stream that hangs."""
    now = datetime.now(UTC)
    report(db, settings, position=10, lag=0, at=now)
    written, first = heartbeat.events(db, settings.topic, now, 0, heartbeat.Written())
    assert [event.asset_key for event in first] == [fact_key(name) for name in FACTS]
    assert {type(event) for event in first} == {dg.AssetMaterialization}

    assert heartbeat.events(db, settings.topic, now, 0, written) == (written, [])

    later = now + timedelta(minutes=10)
    report(db, settings, position=10, lag=0, at=later)
    quiet, (observed,) = heartbeat.events(db, settings.topic, later, 0, written)
    assert (type(observed), observed.description) == (dg.AssetObservation, "No event came.")

    report(db, settings, position=11, lag=5, at=later)
    stalled, (observed,) = heartbeat.events(db, settings.topic, later + timedelta(seconds=31), 0, quiet)
    assert observed.metadata["stalled"].value is True

    _, resumed = heartbeat.events(db, settings.topic, later + timedelta(seconds=20), 0, stalled)
    assert {type(event) for event in resumed} == {dg.AssetMaterialization}
