"""Facts as they are read from MongoDB."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from ecom_platform.alerts.facts import Bucket, Facts
from ecom_platform.alerts.reader import read_facts
from ecom_platform.contract.times import to_milliseconds
from ecom_platform.simulator.config import Curve, FaultRates, Incident, IncidentKind, ShopConfig
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform_tests.alerts.stored_shop import TOPIC, StoredShop

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def last_noon() -> datetime:
    """
    The rollups refuse what is past their retention, so that simulated time must be about ours; always the same time of
    day, so that the day before has promises due whenever the test runs.
    """
    return (datetime.now(UTC) - 12 * HOUR).replace(hour=12, minute=0, second=0, microsecond=0)


def test_facts_read_from_mongodb_are_those_of_the_same_shop_in_memory(db: MongoDatabase) -> None:
    """
    Two ways to the same facts, with yesterday to compare with: queries over what the sink wrote, and sums in memory.
    The scores of the rules are made on the second, so they are true of the first.
    """
    end = last_noon()
    start = end - 27 * HOUR

    def hours_before(hours: int) -> int:
        return to_milliseconds(end - hours * HOUR)

    incidents = (
        Incident(IncidentKind.SLOW_COURIER, hours_before(4), hours_before(1), courier_id=3),
        Incident(IncidentKind.OVERSOLD, hours_before(2), hours_before(0), 1.0, warehouse_id=2, product_id=41),
        Incident(IncidentKind.FLASH_SALE, hours_before(3), hours_before(1), 0.9, product_id=77),
    )
    faults = FaultRates(duplicated=0.02, late=0.02, malformed=0.05, orphaned=0.02)
    shop = StoredShop(db, default_shop(3), ShopConfig(3, 0.03, Curve.FLAT, faults, incidents), start)
    shop.live_until(end - 3 * HOUR)

    seen: list[Facts] = []
    while shop.now < end - 10 * MINUTE:
        shop.live_until(shop.now + 7 * MINUTE)
        judged_until = seen[-1].buckets[-1].end if seen and seen[-1].buckets else None
        seen.append(read_facts(db, TOPIC, shop.now, judged_until))
        assert seen[-1] == shop.facts(judged_until), "alerts/reader.py and benchmarks/alert_shop.py differ"

    assert any(len(usual.orders) == 1 for facts in seen for usual in facts.usual.values()), "yesterday was there"
    for fact in fields(Bucket):
        filled = any(getattr(bucket, fact.name) for facts in seen for bucket in facts.buckets)
        assert filled, f"{fact.name} is 0 in alerts/reader.py and in benchmarks/alert_shop.py alike"
    assert any(promises.late for facts in seen for promises in facts.promises.values())
    assert any(facts.usual_promises for facts in seen)
    assert seen[-1].oversold
    assert seen[-1].empty_shelves


def test_a_fresh_database_has_nothing_to_judge(db: MongoDatabase) -> None:
    """No stream yet: no age, no bucket, nothing sold."""
    ensure_schema(db)
    now = last_noon()

    assert read_facts(db, TOPIC, now, None) == Facts(now=now, as_of=None)
