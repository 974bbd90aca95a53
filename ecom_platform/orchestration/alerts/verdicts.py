"""What open alerts mean for the asset checks: one check per rule, red while an alert of it is open. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import dagster as dg

from ecom_platform.alerts import Alert, Rule, Severity
from ecom_platform.alerts.catalogue import ABOUT
from ecom_platform.orchestration.names import EVALUATED_CHECK
from ecom_platform.orchestration.tables import fact_key

_ASSETS: Final[Mapping[Rule, dg.AssetKey]] = {
    Rule.LATE_SHARE: fact_key("deliveries"),
    Rule.STOCK_OUT: fact_key("order_items"),
    Rule.MANY_SOLD_OUT: fact_key("order_items"),
    Rule.OVERSOLD: fact_key("order_items"),
    Rule.DEAD_LETTERS: fact_key("dead_letters"),
}

SPECS: Final = {
    rule: dg.AssetCheckSpec(rule.value, asset=_ASSETS.get(rule, fact_key("orders")), description=ABOUT[rule].meaning)
    for rule in Rule
}
"""The check of each rule."""

EVALUATED: Final = dg.AssetCheckSpec(
    EVALUATED_CHECK,
    asset=fact_key("orders"),
    description="The alert rules are evaluated: while they are not, a green check of a rule says nothing.",
)


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
