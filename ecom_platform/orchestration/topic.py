"""The Kafka topic as an asset that the shop writes, and its lag: a check, and the sensor that evaluates it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.kafka.held import held_sentence
from ecom_platform.orchestration.names import OWNER
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.sensor_state import Action, Remembered, State, Watermarks, decide, repeat_is_due
from ecom_platform.orchestration.tables import TOPIC_KEY, result_of, schema
from ecom_platform.settings import load_settings

if TYPE_CHECKING:
    # kafka-python takes a while to import, and definitions load often.
    from ecom_platform.streaming.lag import Lag

orders_topic = dg.AssetSpec(
    TOPIC_KEY,
    group_name="sources",
    kinds={"kafka", "json"},
    owners=[OWNER],
    description=(
        "Events of the shop: one JSON message per event, keyed by order (by warehouse and product for stock).\n\n"
        "**Grain:** one event. **Source:** the shop, here the simulator. **Consumer:** the streaming job. "
        "**When it fails:** the lag sensor's check on this asset turns red; nothing is lost as long as the topic keeps "
        "the events. Lag counts events not yet applied to MongoDB; Spark commits no offsets of its own."
    ),
    metadata={
        "dagster/column_schema": schema("orders_topic"),
        "dagster/uri": f"kafka:///{load_settings().topic}",
    },
)

LAG_CHECK: Final = "lag_within_bounds"
# Kafka ends a transaction that its producer left open after a minute, unless that asked for more.
LONG_OPEN: Final = timedelta(minutes=1)
INTERVAL_SECONDS: Final = 15
# A tick is given 60 s; this leaves room for MongoDB's own time-out and the evaluation.
BUDGET_SECONDS: Final = 20.0
# One missed answer is a restart of a broker; the third in a row is worth a red check.
FAILURES_TO_ALARM: Final = 3

Events = list[Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed` false and `severe` true: events are gone or the topic is another one; not severe: only late."""

    passed: bool
    severe: bool
    text: str


def verdict(lag: Lag, *, firing: bool, high: int, now: datetime) -> Verdict:
    """Judge a lag; `firing` is the state of the hysteresis, so that the check does not flap around the mark."""
    for part in lag.partitions:
        if part.replaced:
            return Verdict(
                False,
                True,
                f"Partition {part.partition}: the topic was deleted and created again; what is stored is of the old "
                "one. Restore it, or give the new one another name (ECOM_TOPIC).",
            )
        if part.next < part.begin:
            gone = part.begin - part.next
            return Verdict(
                False,
                True,
                f"Partition {part.partition}: {gone} events were deleted by Kafka's retention before they were "
                f"applied (next {part.next}, log starts at {part.begin}). `ecom stream --accept-loss` goes on.",
            )
        if part.next > part.end:
            return Verdict(
                False,
                True,
                f"Partition {part.partition}: {part.next} was applied but the topic ends at {part.end}: it was "
                "deleted and made again, or the offsets are another topic's.",
            )
    held = held_sentence(lag.held)
    behind = f"The stream is {lag.total:,} events behind"
    if firing:
        return Verdict(False, False, f"{behind}; the alarm is at {high:,}. {held}".rstrip())
    long_open = any(part.held_since and now - part.held_since >= LONG_OPEN for part in lag.partitions if part.held)
    return Verdict(not long_open, False, f"{behind}. {held}".rstrip())


def metadata(lag: Lag) -> dict[str, Any]:
    """The lag, whole and per partition, as figures that Dagster plots."""
    last = max((part.last_record_at for part in lag.partitions if part.last_record_at), default=None)
    figures: dict[str, Any] = {
        "lag_events": dg.MetadataValue.int(lag.total),
        "held_back_events": dg.MetadataValue.int(sum(part.held for part in lag.partitions)),
    }
    for part in lag.partitions:
        figures[f"lag_events_{part.partition}"] = dg.MetadataValue.int(part.lag)
        figures[f"end_offset_{part.partition}"] = dg.MetadataValue.int(part.end)
    if last is not None:
        figures["last_applied_record_at"] = dg.MetadataValue.timestamp(last)
    return figures


def evaluation(judged: Verdict, figures: dict[str, Any]) -> dg.AssetCheckEvaluation:
    """The verdict as an evaluation of the topic's check."""
    return dg.AssetCheckEvaluation(
        asset_key=TOPIC_KEY,
        check_name=LAG_CHECK,
        passed=judged.passed,
        severity=dg.AssetCheckSeverity.ERROR if judged.severe else dg.AssetCheckSeverity.WARN,
        description=judged.text,
        metadata=figures,
    )


@dg.asset_check(
    asset=TOPIC_KEY,
    name=LAG_CHECK,
    description="Events in Kafka that are not yet applied stay below the alarm, and none was lost to retention.",
)
def lag_within_bounds(platform: Platform) -> dg.AssetCheckResult:
    """One measurement, without the sensor's patience for short peaks."""
    from ecom_platform.streaming.lag import read_lag

    settings = platform.settings()
    with platform.database() as db:
        lag = read_lag(settings, db, BUDGET_SECONDS)
    high = settings.lag_high_events
    judged = verdict(lag, firing=lag.total >= high, high=high, now=datetime.now(UTC))
    return result_of(evaluation(judged, metadata(lag)))


@dataclass(frozen=True, slots=True)
class LagMemory(Remembered):
    """The cursor `{"v": 1, …}`: the alarm's state, failed measurements in a row, when events were last written."""

    state: State = field(default_factory=State)
    failures: int = 0
    emitted: float = 0.0
    passed: bool = True


def after_sample(memory: LagMemory, lag: Lag, now: float, marks: Watermarks) -> tuple[LagMemory, Verdict, Events]:
    """Memory, verdict and events after one measured lag; events when something changed or a repeat is due."""
    state, action = decide(memory.state, lag.total, now, marks)
    judged = verdict(lag, firing=state.firing, high=marks.high, now=datetime.fromtimestamp(now, UTC))
    changed = action is not Action.NONE or judged.passed != memory.passed or memory.failures >= FAILURES_TO_ALARM
    if not changed and not repeat_is_due(memory.emitted, now):
        return LagMemory(state, 0, memory.emitted, judged.passed), judged, []
    figures = {**metadata(lag), "alarm": state.firing, "episode": dg.MetadataValue.int(state.episode)}
    observed = dg.AssetObservation(TOPIC_KEY, metadata=figures, description=judged.text)
    return LagMemory(state, 0, now, judged.passed), judged, [observed, evaluation(judged, figures)]


def after_failure(memory: LagMemory, error: UnavailableError, now: float) -> tuple[LagMemory, Verdict, Events]:
    """Memory, verdict and events when nothing could be measured; unknown is not zero, so the check turns red."""
    failures = memory.failures + 1
    judged = Verdict(False, True, f"The lag could not be measured {failures} times in a row: {error}")
    due = failures == FAILURES_TO_ALARM or (failures > FAILURES_TO_ALARM and repeat_is_due(memory.emitted, now))
    if not due:
        return LagMemory(memory.state, failures, memory.emitted, memory.passed), judged, []
    figures = {"failures": dg.MetadataValue.int(failures)}
    return LagMemory(memory.state, failures, now, False), judged, [evaluation(judged, figures)]


@dg.sensor(
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
