"""The sensor that evaluates the alert rules in its tick, and never launches a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from ecom_platform.alerts import Rule, evaluate_now, open_alerts
from ecom_platform.errors import ConfigurationError, Fenced, UnavailableError
from ecom_platform.orchestration.alerts.verdicts import evaluated, evaluations
from ecom_platform.orchestration.names import ALERT_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.sensing.cursor import Remembered
from ecom_platform.orchestration.sensing.loading import history_is_loading

INTERVAL_SECONDS: Final = 30
# The event log keeps everything for ever: verdicts are told when they change, and else rarely.
REPEAT_SECONDS: Final = 3_600.0
# One missed evaluation is a restart of MongoDB; the third in a row is worth a red check.
FAILURES_TO_ALARM: Final = 3

Events = list[dg.AssetCheckEvaluation]


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
    name=ALERT_SENSOR,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Evaluates the alert rules, opens and closes alerts, and tells them as checks of the facts.",
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
