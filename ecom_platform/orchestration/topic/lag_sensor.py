"""The sensor that watches how far the stream is behind: an observation and a check, never a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.orchestration.names import LAG_SENSOR
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.sensing.cursor import Remembered
from ecom_platform.orchestration.sensing.hysteresis import Action, State, Watermarks, decide
from ecom_platform.orchestration.tables import TOPIC_KEY
from ecom_platform.orchestration.topic.lag_verdict import Verdict, evaluation, metadata, verdict

if TYPE_CHECKING:
    # kafka-python takes a while to import, and definitions load often.
    from ecom_platform.streaming.lag import Lag

INTERVAL_SECONDS: Final = 15
# A tick is given 60 s; this leaves room for MongoDB's own time-out and the evaluation.
BUDGET_SECONDS: Final = 20.0
# The event log keeps everything for ever: one event a minute is enough for a plot.
EMIT_SECONDS: Final = 60.0
# One missed answer is a restart of a broker; the third in a row is worth a red check.
FAILURES_TO_ALARM: Final = 3


@dataclass(frozen=True, slots=True)
class LagMemory(Remembered):
    """The cursor `{"v": 1, …}`: the alarm's state, failed measurements in a row, when events were last written."""

    state: State = field(default_factory=State)
    failures: int = 0
    emitted: float = 0.0
    passed: bool = True


Events = list[Any]


def after_sample(memory: LagMemory, lag: Lag, now: float, marks: Watermarks) -> tuple[LagMemory, Verdict, Events]:
    """Memory, verdict and events after one measured lag; events when something changed or once a minute."""
    state, action = decide(memory.state, lag.total, now, marks)
    judged = verdict(lag, firing=state.firing, high=marks.high, now=datetime.fromtimestamp(now, UTC))
    changed = action is not Action.NONE or judged.passed != memory.passed or memory.failures >= FAILURES_TO_ALARM
    if not changed and 0 <= now - memory.emitted < EMIT_SECONDS:
        return LagMemory(state, 0, memory.emitted, judged.passed), judged, []
    figures = {**metadata(lag), "alarm": state.firing, "episode": dg.MetadataValue.int(state.episode)}
    observed = dg.AssetObservation(TOPIC_KEY, metadata=figures, description=judged.text)
    return LagMemory(state, 0, now, judged.passed), judged, [observed, evaluation(judged, figures)]


def after_failure(memory: LagMemory, error: UnavailableError, now: float) -> tuple[LagMemory, Verdict, Events]:
    """Memory, verdict and events when nothing could be measured; unknown is not zero, so the check turns red."""
    failures = memory.failures + 1
    judged = Verdict(False, True, f"The lag could not be measured {failures} times in a row: {error}")
    due = failures == FAILURES_TO_ALARM or (
        failures > FAILURES_TO_ALARM and not 0 <= now - memory.emitted < EMIT_SECONDS
    )
    if not due:
        return LagMemory(memory.state, failures, memory.emitted, memory.passed), judged, []
    figures = {"failures": dg.MetadataValue.int(failures)}
    return LagMemory(memory.state, failures, now, False), judged, [evaluation(judged, figures)]


@dg.sensor(
    name=LAG_SENSOR,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures events in Kafka that are not yet in MongoDB; raises and clears the topic's lag check.",
)
def kafka_lag_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One measurement within the time budget."""
    from ecom_platform.streaming.lag import read_lag

    memory, now = LagMemory.parse(context.cursor), datetime.now(UTC).timestamp()
    try:
        settings = platform.settings()
        with platform.database(SHORT_SECONDS) as db:
            lag = read_lag(settings, db, BUDGET_SECONDS)
    except ConfigurationError as error:
        # Nothing is set up yet, as in a fresh clone: there is no lag to judge.
        return dg.SensorResult(skip_reason=str(error), cursor=memory.dump())
    except UnavailableError as error:
        memory, judged, events = after_failure(memory, error, now)
    else:
        marks = Watermarks(settings.lag_high_events, settings.lag_low_events)
        memory, judged, events = after_sample(memory, lag, now, marks)
    return dg.SensorResult(skip_reason=judged.text, asset_events=events, cursor=memory.dump())
