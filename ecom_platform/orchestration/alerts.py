"""The alerts as an asset with a check per rule, and the sensor that evaluates the rules in its tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.alerts import Alert, Rule, Severity, evaluate_now, evaluated_at, open_alerts
from ecom_platform.alerts.catalogue import ABOUT
from ecom_platform.errors import ConfigurationError, Fenced, UnavailableError
from ecom_platform.orchestration.names import ANALYSTS, OWNER
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.requests import history_is_loading
from ecom_platform.orchestration.sensor_state import Remembered
from ecom_platform.orchestration.tables import ALERTS_KEY, fact_key, result_of, table_metadata

# What is wrong with the data stands on the facts; what is unusual in the shop says nothing about their quality.
_ABOUT_DATA: Final[Mapping[Rule, dg.AssetKey]] = {
    Rule.STALE_DATA: fact_key("orders"),
    Rule.DEAD_LETTERS: fact_key("dead_letters"),
}

shop_alerts = dg.AssetSpec(
    ALERTS_KEY,
    group_name="alerts",
    kinds={"mongodb", "python"},
    owners=[OWNER, ANALYSTS],
    deps=[fact_key(name) for name in ("orders", "order_items", "deliveries", "dead_letters")],
    description=(
        "What is unusual in the shop, one check per rule: red while an alert of it is open.\n\n"
        "**Grain:** one incident: a rule, an entity, a start. **Source:** the live rollups, judged by the alert sensor "
        "in its tick. **Consumer:** the dashboard's alerts. **When it fails:** `alert_rules_evaluated` turns red; the "
        "next evaluation judges everything that was missed."
    ),
    metadata=table_metadata("alerts"),
)

SPECS: Final = {
    rule: dg.AssetCheckSpec(rule.value, asset=_ABOUT_DATA.get(rule, ALERTS_KEY), description=ABOUT[rule].meaning)
    for rule in Rule
}
"""The check of each rule."""

EVALUATED: Final = dg.AssetCheckSpec(
    "alert_rules_evaluated",
    asset=ALERTS_KEY,
    description="The alert rules are evaluated: while they are not, a green check of a rule says nothing.",
)

# The sensor evaluates every 30 seconds; three missed evaluations are an alarm.
LATEST_SECONDS: Final = 120.0
INTERVAL_SECONDS: Final = 30
# Verdicts are told when they change, and else rarely: there is nothing to plot.
REPEAT_SECONDS: Final = 3_600.0
# One missed evaluation is a restart of MongoDB; the third in a row is worth a red check.
FAILURES_TO_ALARM: Final = 3

Events = list[dg.AssetCheckEvaluation]


def evaluations(alerts: Iterable[Alert]) -> dict[Rule, dg.AssetCheckEvaluation]:
    """An evaluation of every rule's check from the alerts that are open."""
    by_rule: dict[Rule, list[Alert]] = {rule: [] for rule in Rule}
    for alert in alerts:
        by_rule[alert.rule].append(alert)
    return {rule: _evaluation(rule, found) for rule, found in by_rule.items()}


def evaluated(failures: int, reason: str) -> dg.AssetCheckEvaluation:
    """Whether the rules are evaluated at all: red with what keeps them from it."""
    text = f"The rules could not be evaluated {failures} times in a row: {reason}" if failures else reason
    return dg.AssetCheckEvaluation(
        asset_key=EVALUATED.asset_key,
        check_name=EVALUATED.name,
        passed=not failures,
        severity=dg.AssetCheckSeverity.ERROR,
        description=text,
        metadata={"failures": dg.MetadataValue.int(failures)},
    )


def _evaluation(rule: Rule, alerts: list[Alert]) -> dg.AssetCheckEvaluation:
    told = "; ".join(f"{one.entity} since {one.since:%Y-%m-%d %H:%M} UTC" for one in alerts)
    critical = ABOUT[rule].severity is Severity.CRITICAL
    return dg.AssetCheckEvaluation(
        asset_key=SPECS[rule].asset_key,
        check_name=rule.value,
        passed=not alerts,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description=f"{ABOUT[rule].title}: {told}." if alerts else "No alert is open.",
        metadata={"open_alerts": dg.MetadataValue.int(len(alerts))},
    )


@dg.multi_asset_check(name="alert_checks", specs=[*SPECS.values(), EVALUATED])
def alert_checks(platform: Platform) -> Iterable[dg.AssetCheckResult]:
    """Tell which alerts are open, and whether the sensor still evaluates; nothing is evaluated here."""
    with platform.database() as db:
        last, alerts = evaluated_at(db), open_alerts(db)
    silent = last is None or (datetime.now(UTC) - last).total_seconds() >= LATEST_SECONDS
    when = f"last at {last:%Y-%m-%d %H:%M:%S} UTC" if last else "never"
    found = [*evaluations(alerts).values(), evaluated(int(silent), f"The rules were evaluated {when}.")]
    yield from map(result_of, found)


@dataclass(frozen=True, slots=True)
class AlertMemory(Remembered):
    """The cursor `{"v": 1, …}`: failed evaluations in a row, the verdicts that were told last, and when."""

    failures: int = 0
    told: dict[str, str] = field(default_factory=dict)
    told_at: float = 0.0


def after_evaluation(
    memory: AlertMemory, found: Mapping[Rule, dg.AssetCheckEvaluation], now: float
) -> tuple[AlertMemory, Events]:
    """Memory and events after an evaluation: checks whose verdict changed, and once an hour all of them."""
    texts = {rule.value: one.description or "" for rule, one in found.items()}
    if now - memory.told_at >= REPEAT_SECONDS:
        return AlertMemory(0, texts, now), [*found.values(), evaluated(0, "Every rule was evaluated.")]
    events = [one for rule, one in found.items() if memory.told.get(rule.value) != texts[rule.value]]
    if memory.failures >= FAILURES_TO_ALARM:
        events.append(evaluated(0, "Every rule was evaluated again."))
    return AlertMemory(0, texts, memory.told_at), events


def after_failure(memory: AlertMemory, reason: str, now: float) -> tuple[AlertMemory, Events]:
    """Memory and events when nothing could be evaluated: the third time in a row is an alarm, and every hour of it."""
    failures = memory.failures + 1
    if failures != FAILURES_TO_ALARM and (failures < FAILURES_TO_ALARM or now - memory.told_at < REPEAT_SECONDS):
        return AlertMemory(failures, memory.told, memory.told_at), []
    return AlertMemory(failures, memory.told, now), [evaluated(failures, reason)]


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Evaluates the alert rules, opens and closes alerts, tells them as checks of alerts and facts.",
)
def alert_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One evaluation."""
    memory, now = AlertMemory.parse(context.cursor), datetime.now(UTC)
    try:
        settings = platform.settings()
        with platform.database(SHORT_SECONDS) as db:
            loading = history_is_loading(db)
            evaluate_now(db, settings.topic, now, loading=loading is not None)
            alerts = open_alerts(db)
    except ConfigurationError as error:
        # Nothing is set up yet, as in a fresh clone: there is nothing to judge.
        return dg.SensorResult(skip_reason=str(error), cursor=memory.dump())
    except (UnavailableError, Fenced) as error:
        memory, events = after_failure(memory, str(error), now.timestamp())
        text = str(error)
    else:
        memory, events = after_evaluation(memory, evaluations(alerts), now.timestamp())
        text = f"{len(alerts)} alerts are open." + (
            " Only the age of the figures is judged: " + loading if loading else ""
        )
    return dg.SensorResult(skip_reason=text, asset_events=events, cursor=memory.dump())
