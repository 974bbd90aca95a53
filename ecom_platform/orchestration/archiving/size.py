"""When the size of the orders in MongoDB starts the archive: the decision, which is pure, and its sensor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.archiving.events import size_of_orders
from ecom_platform.orchestration.archiving.jobs import Eligible, archive_request, orders_archive_job, read_eligible
from ecom_platform.orchestration.names import ARCHIVE_SENSOR, SIZE_CHECK
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.runs.requests import Asking, Outcome, history_is_loading, outcome_of
from ecom_platform.orchestration.sensor_state import Remembered, Watermarks, repeat_is_due
from ecom_platform.orchestration.tables import fact_key
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase

# A run that frees less than this share of what there was has freed nothing.
WORTH_SHARE: Final = 0.01
# After giving up: so much smaller and archiving evidently works again.
BETTER_SHARE: Final = 0.1
INEFFECTIVE_TO_ALARM: Final = 3
# Orders grow old enough by themselves, but in hours rather than in minutes.
INEFFECTIVE_PAUSE_SECONDS: Final = 600.0
# Longer than any run should take that moves one block of days.
SLOW_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SizeMemory(Remembered):
    """The cursor `{"v": 1, …}`: samples above the mark, the episode, its requests, and what they achieved.

    Attributes:
        firing: an episode is going on; `episode` counts them.
        given_up: archiving freed nothing `ineffective` times in a row; the check stays red.
        bytes_before: the size at the last request.
        emitted, passed: when events were last written, and the last verdict.
    """

    above: int = 0
    firing: bool = False
    episode: int = 0
    given_up: bool = False
    ineffective: int = 0
    bytes_before: int = 0
    asking: Asking = field(default_factory=Asking)
    emitted: float = 0.0
    passed: bool = True

    @property
    def key(self) -> str:
        """The run key of the last request: never used before, also when the cursor was cleared in between."""
        return f"archive-{self.episode}-{self.asking.key}"


@dataclass(frozen=True, slots=True)
class SizeDecision:
    """What to remember and say; `ask` means that a run is due if there is anything to take."""

    memory: SizeMemory
    reason: str
    passed: bool = True
    ask: bool = False


def decide(memory: SizeMemory, size: int, outcome: Outcome, now: float, marks: Watermarks) -> SizeDecision:
    """Judge one sample of `size` bytes; `outcome` is that of the last request."""
    if not memory.firing:
        return _watch(memory, size, now, marks)
    if memory.given_up:
        if size < marks.low or size <= memory.bytes_before * (1 - BETTER_SHARE):
            return SizeDecision(_rest(memory), f"{_megabytes(size)} now: archiving frees again.")
        return SizeDecision(memory, _given_up(memory, size), passed=False)
    was_open = memory.asking.open
    memory = replace(memory, asking=memory.asking.after(outcome, now))
    if memory.asking.open:
        return _at_work(memory, size, now)
    if size < marks.low:
        return SizeDecision(_rest(memory), f"{_megabytes(size)}, below the low mark of {_megabytes(marks.low)}.")
    if was_open and outcome is Outcome.SUCCEEDED:
        if size > memory.bytes_before * (1 - WORTH_SHARE):
            return _freed_nothing(memory, size, now, marks)
        memory = replace(memory, ineffective=0)
    return _next(memory, size, now)


def nothing_to_take(asked: SizeDecision, size: int, now: float, marks: Watermarks) -> SizeDecision:
    """What follows when a run was due and the planner found no order that may be archived."""
    return _freed_nothing(_withdrawn(asked.memory), size, now, marks)


def _watch(memory: SizeMemory, size: int, now: float, marks: Watermarks) -> SizeDecision:
    above = memory.above + 1 if size >= marks.high else 0
    memory = replace(memory, above=above)
    if above < marks.samples:
        return SizeDecision(memory, f"{_megabytes(size)} of orders; archiving begins at {_megabytes(marks.high)}.")
    begun = replace(memory, above=0, firing=True, episode=memory.episode + 1, ineffective=0)
    return _next(begun, size, now)


def _next(memory: SizeMemory, size: int, now: float) -> SizeDecision:
    if waiting := memory.asking.waiting(now):
        passed = not memory.asking.alarming
        return SizeDecision(memory, f"{_megabytes(size)} of orders; {waiting}.", passed=passed)
    asked = replace(memory, asking=memory.asking.ask(now), bytes_before=size)
    reason = f"{_megabytes(size)} of orders: episode {memory.episode}, request {asked.asking.number}."
    return SizeDecision(asked, reason, passed=not memory.asking.alarming, ask=True)


def _at_work(memory: SizeMemory, size: int, now: float) -> SizeDecision:
    seconds = now - memory.asking.asked_at
    slow = seconds >= SLOW_SECONDS
    passed = not slow and not memory.asking.alarming
    text = f"{_megabytes(size)} of orders; the run asked for {seconds:.0f} s ago is not finished."
    return SizeDecision(memory, text, passed=passed)


def _freed_nothing(memory: SizeMemory, size: int, now: float, marks: Watermarks) -> SizeDecision:
    if size < marks.high:
        # Nothing is wrong: what is left is too young, and it is not too much.
        return SizeDecision(_rest(memory), f"{_megabytes(size)} of orders; nothing more may be archived yet.")
    memory = replace(memory, ineffective=memory.ineffective + 1, bytes_before=size)
    if memory.ineffective >= INEFFECTIVE_TO_ALARM:
        memory = replace(memory, given_up=True)
        return SizeDecision(memory, _given_up(memory, size), passed=False)
    pause = INEFFECTIVE_PAUSE_SECONDS * 2 ** (memory.ineffective - 1)
    memory = replace(memory, asking=memory.asking.pause(pause, now))
    return SizeDecision(memory, f"{_megabytes(size)} of orders; archiving freed nothing; again in {pause:.0f} s.")


def _withdrawn(memory: SizeMemory) -> SizeMemory:
    """The request will not be run: its number stays used."""
    return replace(memory, asking=replace(memory.asking, open=False))


def _rest(memory: SizeMemory) -> SizeMemory:
    asking = replace(memory.asking, failures=0, not_before=0.0)
    return replace(memory, above=0, firing=False, given_up=False, ineffective=0, asking=asking)


def _given_up(memory: SizeMemory, size: int) -> str:
    return (
        f"{_megabytes(size)} of orders, and archiving frees nothing ({memory.ineffective} times in a row): they are "
        "open or too young. Raise ECOM_ARCHIVE_HIGH_BYTES, or archive younger ones: `ecom archive --older-than 6h`."
    )


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"


INTERVAL_SECONDS: Final = 15
SAMPLES: Final = 2
# The planner groups all old orders by day, which takes longer than a look at a counter.
PLAN_SECONDS: Final = 40.0


@dg.sensor(
    name=ARCHIVE_SENSOR,
    job=orders_archive_job,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures the orders in MongoDB; above the high mark it has the oldest days archived, and raises the "
    "size check when that does not help.",
)
def orders_size_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """One sample; the planner is asked only when a run is due."""
    memory, now = SizeMemory.parse(context.cursor), datetime.now(UTC).timestamp()
    try:
        settings = platform.settings()
        with platform.database(PLAN_SECONDS) as db:
            if loading := history_is_loading(db):
                return dg.SensorResult(skip_reason=loading, cursor=memory.dump())
            size = size_of_orders(db)
            outcome = _outcome(context.instance, db, memory)
            decision, eligible = _decide(settings, db, memory, size, outcome, now)
    except ConfigurationError as error:
        return dg.SensorResult(skip_reason=str(error), cursor=memory.dump())
    remembered, events = events_of(decision, memory, size, now)
    if decision.ask and eligible is not None:
        context.log.info(decision.reason)
        request = archive_request(remembered.key, eligible.blocks[0])
        return dg.SensorResult(run_requests=[request], asset_events=events, cursor=remembered.dump())
    return dg.SensorResult(skip_reason=decision.reason, asset_events=events, cursor=remembered.dump())


def _decide(
    settings: Settings, db: MongoDatabase, memory: SizeMemory, size: int, outcome: Outcome, now: float
) -> tuple[SizeDecision, Eligible | None]:
    marks = marks_of(settings)
    decision = decide(memory, size, outcome, now, marks)
    if not decision.ask:
        return decision, None
    eligible = read_eligible(settings, db)
    # Orders grow old every minute: a handful is not worth the start of a JVM.
    if not eligible.blocks or eligible.bytes < size * WORTH_SHARE:
        return nothing_to_take(decision, size, now, marks), None
    return decision, eligible


def _outcome(instance: dg.DagsterInstance, db: MongoDatabase, memory: SizeMemory) -> Outcome:
    """Of the last request: it has succeeded only when the purge that follows it is done, too."""
    from ecom_platform.archive.run import unfinished_runs

    outcome = outcome_of(instance, memory.key)
    purging = outcome is Outcome.SUCCEEDED and any(run.is_cold for run in unfinished_runs(db))
    return Outcome.ACTIVE if purging else outcome


def marks_of(settings: Settings) -> Watermarks:
    """The marks of the settings. Raises ConfigurationError when there is no room between them."""
    try:
        return Watermarks(settings.archive_high_bytes, settings.archive_low_bytes, SAMPLES)
    except ValueError as error:
        raise ConfigurationError(
            f"ECOM_ARCHIVE_LOW_BYTES ({settings.archive_low_bytes:,}) must be below ECOM_ARCHIVE_HIGH_BYTES "
            f"({settings.archive_high_bytes:,}). Nothing is archived because of the size; change one of them."
        ) from error


def events_of(decision: SizeDecision, before: SizeMemory, size: int, now: float) -> tuple[SizeMemory, list[Any]]:
    """What to remember, and the events: when something changed or a repeat is due."""
    memory = replace(decision.memory, passed=decision.passed)
    changed = decision.ask or decision.passed != before.passed or memory.firing != before.firing
    if not changed and not repeat_is_due(before.emitted, now):
        return memory, []
    figures: dict[str, Any] = {
        "orders_bytes": dg.MetadataValue.int(size),
        "archiving": memory.firing,
        "episode": dg.MetadataValue.int(memory.episode),
        "failed_runs": dg.MetadataValue.int(memory.asking.failures),
    }
    key = fact_key("orders")
    observed = dg.AssetObservation(key, metadata=figures, description=decision.reason)
    judged = dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=SIZE_CHECK,
        passed=decision.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=decision.reason,
        metadata=figures,
    )
    return replace(memory, emitted=now), [observed, judged]
