"""From a scenario to alerts, acknowledged and closed, on a real MongoDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import OperationFailure

from ecom_platform import alerts
from ecom_platform.alerts import Rule, Severity
from ecom_platform.alerts.evaluator import evaluate_now, read_memory, write
from ecom_platform.errors import Fenced, UsageError
from ecom_platform.simulator.config import Curve, ShopConfig
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.scenario import load_scenario
from ecom_platform.store import MongoDatabase, collections
from ecom_platform_tests.alerts.stored_shop import TOPIC, StoredShop

MINUTE = timedelta(minutes=1)
TICK = timedelta(seconds=30)


@pytest.fixture
def shop(db: MongoDatabase) -> StoredShop:
    """A shop that begins two hours ago."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
    return StoredShop(db, default_shop(5), ShopConfig(5, 0.5, Curve.FLAT), start)


def live(
    shop: StoredShop, db: MongoDatabase, minutes: float, *, stream_runs: bool = True, tick: timedelta = TICK
) -> None:
    """Let time pass under an evaluator that looks every 30 seconds, or in longer steps to save some."""
    end = shop.now + minutes * MINUTE
    while shop.now < end:
        shop.live_until(shop.now + tick, stream_runs=stream_runs)
        evaluate_now(db, TOPIC, shop.now)


def test_a_scenario_becomes_one_alert_that_is_acknowledged_and_closes_by_itself(
    db: MongoDatabase, shop: StoredShop
) -> None:
    """
    Poisoned messages arrive for 20 minutes. One alert opens, says how bad it is and where to look, keeps the first
    acknowledgement, closes when the messages are good again, and stays in the history.
    """
    live(shop, db, 10, tick=2 * MINUTE)
    assert alerts.open_alerts(db) == []

    begun = shop.now
    poison = load_scenario("poison").faults
    shop.change(ShopConfig(5, 0.5, Curve.FLAT, poison))
    live(shop, db, 20, tick=2 * MINUTE)
    (alert,) = alerts.open_alerts(db)
    assert (alert.rule, alert.entity, alert.severity) == (Rule.DEAD_LETTERS, "shop", Severity.CRITICAL)
    assert alert.value > (alert.usual or 1) == 0.01
    assert begun - 5 * MINUTE < alert.since <= begun + 5 * MINUTE < alert.opened_at <= begun + 16 * MINUTE
    assert alert.link.page == "pipeline"
    assert alert.acknowledgement is None

    said = alerts.acknowledge(db, alert.id, "Ada", "the new till")
    assert alerts.acknowledge(db, alert.id, "Bob") == said
    assert alerts.open_alerts(db)[0].acknowledgement == said

    shop.change(ShopConfig(5, 0.5, Curve.FLAT))
    live(shop, db, 40, tick=2 * MINUTE)
    assert alerts.open_alerts(db) == []
    (past,) = alerts.history(db)
    assert (past.id, past.acknowledgement) == (alert.id, said)
    assert past.closed_at is not None
    assert past.closed_at > alert.opened_at
    assert alerts.history(db, before=past.opened_at) == []


def test_a_stopped_stream_is_one_alert_within_two_minutes_and_nothing_else(db: MongoDatabase, shop: StoredShop) -> None:
    """Figures that stand still say nothing about the shop: no alarm about missing orders comes with it."""
    live(shop, db, 10)
    stopped = shop.now
    live(shop, db, 15, stream_runs=False)
    (alert,) = alerts.open_alerts(db)

    assert alert.rule is Rule.STALE_DATA
    assert alert.since == stopped
    assert alert.opened_at <= stopped + 2 * MINUTE
    assert alert.value == (shop.now - stopped).total_seconds()


def test_an_evaluation_that_is_cut_off_has_not_happened(db: MongoDatabase, shop: StoredShop) -> None:
    """
    The server refuses the commit of the evaluation that opens the alert. The next one sees the same and opens it once.
    """
    live(shop, db, 5)
    live(shop, db, 1, stream_runs=False)
    fail_next_commit(db, lambda: evaluate_now(db, TOPIC, shop.now + TICK))
    memory, _ = read_memory(db)
    assert [watch.open for watch in memory.watches] == [False]
    assert alerts.open_alerts(db) == []

    evaluate_now(db, TOPIC, shop.now + 2 * TICK)
    evaluate_now(db, TOPIC, shop.now + 3 * TICK)
    assert len(alerts.open_alerts(db)) == db[collections.ALERTS].count_documents({"rule": {"$exists": True}}) == 1


@pytest.mark.parametrize("minutes", [0.5, 5])
def test_of_two_evaluators_one_stops(db: MongoDatabase, shop: StoredShop, minutes: float) -> None:
    """Both have read the same memory, or both found none; the second to write is told so and has written nothing."""
    shop.live_until(shop.now + minutes * MINUTE)
    if minutes > 1:
        evaluate_now(db, TOPIC, shop.now)
    _, version = read_memory(db)
    done = evaluate_now(db, TOPIC, shop.now + TICK)
    before = db[collections.ALERTS].find_one({"_id": "evaluator"})

    with pytest.raises(Fenced, match="Another alert evaluator"):
        write(db, done, version, shop.now + TICK)
    assert db[collections.ALERTS].find_one({"_id": "evaluator"}) == before


def test_an_evaluator_without_memory_watches_open_alerts_on(db: MongoDatabase, shop: StoredShop) -> None:
    """Somebody deleted its document: an open alert still closes, and no second one opens."""
    live(shop, db, 5)
    live(shop, db, 3, stream_runs=False)
    db[collections.ALERTS].delete_one({"_id": "evaluator"})
    live(shop, db, 3, stream_runs=False)
    (alert,) = alerts.open_alerts(db)
    live(shop, db, 3)

    assert alerts.open_alerts(db) == []
    assert [past.id for past in alerts.history(db)] == [alert.id]


def test_what_is_no_alert_cannot_be_acknowledged(db: MongoDatabase, shop: StoredShop) -> None:
    """Not even the evaluator's own document."""
    live(shop, db, 1)
    for name in ("late_share|courier:5|2026-11-23T10:00:00.000Z", "evaluator"):
        with pytest.raises(UsageError, match="no alert"):
            alerts.acknowledge(db, name, "Ada")


def fail_next_commit(db: MongoDatabase, call: Callable[[], object]) -> None:
    """Let the server refuse the commit for a reason that is not retried."""
    point = {"configureFailPoint": "failCommand", "mode": {"times": 1}}
    db.client.admin.command({**point, "data": {"failCommands": ["commitTransaction"], "errorCode": 8}})
    with pytest.raises(OperationFailure):
        call()
