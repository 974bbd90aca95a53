"""Nothing is lost and nothing doubled, whatever is killed while events with every fault are consumed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecom_platform.reconcile import reconcile
from ecom_platform.settings import Settings
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.run import RunSummary, simulate
from ecom_platform.store import MongoDatabase, ensure_schema, load_dimensions
from ecom_platform_tests.streaming.crashes import VICTIMS, consume_under_fire

pytestmark = [pytest.mark.usefixtures("topic"), pytest.mark.timeout(1200)]

ALL_FAULTS = {"duplicated", "late", "malformed", "orphaned", "unknown_enum", "negative_quantity", "newer_schema"}

Shop = Callable[[int, int], RunSummary]


@pytest.fixture
def shop(settings: Settings, db: MongoDatabase) -> Shop:
    """Write the events of a shop with every kind of fault to the topic."""

    def write(orders: int, seed: int) -> RunSummary:
        ensure_schema(db)
        load_dimensions(db, default_shop(seed))
        written = simulate(settings, orders=orders, rate="max", seed=seed, scenario="poison")
        assert set(written.faults) == ALL_FAULTS
        return written

    return write


def test_every_event_counts_once_although_driver_worker_and_mongod_were_killed(
    settings: Settings, db: MongoDatabase, platform: object, shop: Shop
) -> None:
    """
    A few thousand orders, one kill of each kind, a small batch each: ledger, topic, facts and rollups agree.
    """
    shop(6_000, 11)
    small = settings.model_copy(update={"max_offsets_per_trigger": 600, "chunk_events": 150})

    crashes = consume_under_fire(small, db, platform, list(VICTIMS), seed=11, delete_checkpoint=True)

    report = reconcile(settings, db)
    assert report.holds, report.render()
    assert report.lag == 0
    assert sum(crashes.kills.values()) == len(VICTIMS)


@pytest.mark.full
@pytest.mark.parametrize("delete_checkpoint", [False, True], ids=["checkpoint kept", "checkpoint deleted"])
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_hundred_thousand_events_survive_ten_kills(
    settings: Settings,
    db: MongoDatabase,
    platform: object,
    shop: Shop,
    record_property: Callable[[str, object], None],
    *,
    seed: int,
    delete_checkpoint: bool,
) -> None:
    """
    At least 100,000 events with every fault, ten kills in random order at random moments; then everything adds up.
    """
    written = shop(60_000, seed)
    assert written.events >= 100_000
    small = settings.model_copy(update={"max_offsets_per_trigger": 8_000, "chunk_events": 1_000})
    plan = [VICTIMS[(seed + number) % 3] for number in range(10)]

    crashes = consume_under_fire(small, db, platform, plan, seed=seed, delete_checkpoint=delete_checkpoint)

    report = reconcile(settings, db)
    record_property("events", written.events)
    record_property("faults", dict(written.faults))
    record_property("kills", crashes.row())
    record_property("starts", crashes.starts)
    assert report.holds, report.render()
    assert report.lag == 0
    assert sum(crashes.kills.values()) == 10
