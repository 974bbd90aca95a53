"""What the alert sensor tells Dagster, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from ecom_platform import alerts
from ecom_platform.alerts import Alert, Link, Rule, Severity
from ecom_platform.orchestration.alerts import (
    AlertMemory,
    after_evaluation,
    after_failure,
    alert_checks,
    alert_sensor,
    evaluations,
)
from ecom_platform.orchestration.resources import Platform
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform_tests.orchestration.daemon import one_tick

SINCE = datetime(2026, 11, 23, 10, tzinfo=UTC)
ALERT = Alert(
    id="late_share|courier:5|2026-11-23T10:00:00.000Z",
    rule=Rule.LATE_SHARE,
    entity="courier:5",
    severity=Severity.WARNING,
    title="Late deliveries",
    meaning="",
    unit="share",
    value=0.9,
    usual=0.1,
    since=SINCE,
    opened_at=SINCE,
    updated_at=SINCE,
    closed_at=None,
    link=Link("delivery", {"courier": "5"}),
)


def told(events: list[dg.AssetCheckEvaluation]) -> dict[str, bool]:
    """Verdicts by check."""
    return {event.check_name: event.passed for event in events}


def test_a_verdict_is_told_when_it_changes_and_all_of_them_once_an_hour() -> None:
    """The event log keeps everything for ever; 120 ticks of an hour with one incident tell two changes."""
    memory, events = after_evaluation(AlertMemory(), evaluations([]), 1e9)
    assert told(events) == {**dict.fromkeys(map(str, Rule), True), "alert_rules_evaluated": True}

    seen: list[tuple[int, dict[str, bool]]] = []
    for tick in range(1, 120):
        memory, events = after_evaluation(memory, evaluations([ALERT] if 40 <= tick < 60 else []), 1e9 + 30 * tick)
        seen += [(tick, told(events))] if events else []
    assert seen == [(40, {"late_share": False}), (60, {"late_share": True})]

    _, events = after_evaluation(memory, evaluations([]), 1e9 + 3_600)
    assert len(events) == len(Rule) + 1


def test_a_second_incident_of_a_rule_is_told() -> None:
    """The check is red already; who it is about is news."""
    memory, _ = after_evaluation(AlertMemory(), evaluations([ALERT]), 1e9)
    _, events = after_evaluation(memory, evaluations([ALERT, replace(ALERT, entity="courier:6")]), 1e9 + 30)

    assert told(events) == {"late_share": False}
    assert "courier:6 since 2026-11-23 10:00 UTC" in str(events[0].description)


def test_a_good_day_makes_no_fact_unhealthy() -> None:
    """Dagster's health of an asset is the worst of its checks: a fact carries those that speak of the data."""
    judged = evaluations([replace(ALERT, rule=rule) for rule in Rule])
    on_facts = {rule.value for rule, one in judged.items() if one.asset_key.path[0] == "facts"}

    assert on_facts == {"stale_data", "dead_letters"}
    assert judged[Rule.ORDERS_HIGH].asset_key == dg.AssetKey(["alerts", "alerts"])


def test_rules_that_are_not_evaluated_are_an_alarm_of_their_own() -> None:
    """The third failure in a row, then once an hour; the first evaluation after it clears it."""
    memory, _ = after_evaluation(AlertMemory(), evaluations([]), 1e9)
    seen = []
    for tick in range(1, 130):
        memory, events = after_failure(memory, "MongoDB is away", 1e9 + 30 * tick)
        seen += [(tick, told(events))] if events else []
    assert seen == [(3, {"alert_rules_evaluated": False}), (123, {"alert_rules_evaluated": False})]

    _, events = after_evaluation(memory, evaluations([]), 1e9 + 30 * 130)
    assert told(events) == {"alert_rules_evaluated": True}


def test_a_tick_evaluates_on_mongodb_and_launches_no_run(db: MongoDatabase, own_environment: None) -> None:
    """The checks are told in the tick itself, and run by hand they say the same."""
    ensure_schema(db)
    data = one_tick(alert_sensor)
    last = alerts.evaluated_at(db)

    assert not data.run_requests
    assert data.skip_message == "0 alerts are open."
    assert {event.check_name for event in data.asset_events} == {*map(str, Rule), "alert_rules_evaluated"}
    assert last is not None
    selection = dg.AssetSelection.all_asset_checks()
    by_hand = dg.materialize([alert_checks], selection=selection, resources={"platform": Platform()})
    assert {one.check_name: one.passed for one in by_hand.get_asset_check_evaluations()} == told(data.asset_events)
