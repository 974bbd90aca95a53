"""Alerts as the evaluator writes them, without the hours of events it would need to find them."""

from __future__ import annotations

from datetime import datetime, timedelta

from ecom_platform.alerts import acknowledge
from ecom_platform.alerts.documents import EVALUATOR, alert_id, memory_to_document, updates
from ecom_platform.alerts.evaluate import Happening, Memory
from ecom_platform.alerts.incident import Change, Watch
from ecom_platform.alerts.rules import Reading, Rule
from ecom_platform.contract.times import in_milliseconds
from ecom_platform.store import MongoDatabase, collections

FOUND_AFTER = timedelta(minutes=10)


def raise_alert(
    db: MongoDatabase, rule: Rule, entity: str, since: datetime, value: float, usual: float | None
) -> Watch:
    """Open an alert about what began at `since` and was found ten minutes later."""
    since = in_milliseconds(since)
    watch = Watch(rule, entity, since, since, bad=2, open=True)
    reading = Reading(rule, entity, since + FOUND_AFTER, since, True, value, usual)
    db[collections.ALERTS].bulk_write(updates((Happening(Change.OPENED, watch, reading),), since + FOUND_AFTER))
    return watch


def close_alert(db: MongoDatabase, watch: Watch, at: datetime) -> None:
    """Close it: three good readings came."""
    db[collections.ALERTS].bulk_write(updates((Happening(Change.CLOSED, watch, None),), in_milliseconds(at)))


def forget(db: MongoDatabase) -> None:
    """As if no alert had ever been: open, over or acknowledged."""
    for name in (collections.ALERTS, collections.ALERT_ACKNOWLEDGEMENTS):
        db[name].delete_many({})


def raise_a_few(db: MongoDatabase, now: datetime) -> None:
    """Four open alerts, one of them acknowledged, and one that is over; the rules look."""
    forget(db)
    evaluated(db, now + timedelta(minutes=10))
    raise_alert(db, Rule.OVERSOLD, "warehouse:2/product:3", now - timedelta(minutes=130), 7, 0)
    late = raise_alert(db, Rule.LATE_SHARE, "courier:5", now - timedelta(minutes=42), 0.452, 0.12)
    raise_alert(db, Rule.STALE_DATA, "shop", now - timedelta(minutes=12), 95, 60)
    raise_alert(db, Rule.ORDERS_HIGH, "shop", now - timedelta(minutes=20), 42, 18.3)
    acknowledge(db, id_of(late), "Ada", "calling them")
    over = raise_alert(db, Rule.ORDER_VALUE_HIGH, "shop", now - timedelta(minutes=300), 8120, 6400)
    close_alert(db, over, now - timedelta(minutes=250))


def id_of(watch: Watch) -> str:
    """The identity of its alert."""
    return alert_id(watch.rule, watch.entity, watch.since)


def evaluated(db: MongoDatabase, at: datetime | None) -> None:
    """Say that every rule was last judged at `at`; None: never."""
    if at is None:
        db[collections.ALERTS].delete_one({"_id": EVALUATOR})
    else:
        memory = {**memory_to_document(Memory(judged_at=at)), "version": 1, "evaluated_at": at}
        db[collections.ALERTS].replace_one({"_id": EVALUATOR}, memory, upsert=True)
