"""How many rows a day the sensors and the supervisor leave in Dagster's event log, which keeps them for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecom_platform.alerts import Rule
from ecom_platform.errors import UnavailableError
from ecom_platform.orchestration.alerts import AlertMemory, after_evaluation, evaluations
from ecom_platform.orchestration.archiving.size import SizeMemory, decide, events_of
from ecom_platform.orchestration.dirty_days import DirtyMemory, after_verdict, waiting_verdict
from ecom_platform.orchestration.runs.requests import Outcome
from ecom_platform.orchestration.sensor_state import Watermarks
from ecom_platform.orchestration.supervision.heartbeat import Written
from ecom_platform.orchestration.tables import FACTS
from ecom_platform.orchestration.topic import LagMemory, after_failure, after_sample
from ecom_platform.streaming.lag import Lag, PartitionLag
from ecom_platform_tests.orchestration.test_alerts import ALERT

START = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
DAY = 86_400
MARKS = Watermarks(high=1000, low=100, samples=3)
AWAY = UnavailableError("Kafka is away")


def lag_rows(*, alarms: int, outages: int) -> int:
    """A day of ticks every 15 s; alarms of ten minutes and outages of five, spread over it."""
    memory, rows = LagMemory(), 0
    for second in range(0, DAY, 15):
        now = START + second
        if second % (DAY // outages) >= DAY // outages - 300:
            memory, _, events = after_failure(memory, AWAY, now)
        else:
            behind = 5000 if second % (DAY // alarms) < 600 else second % 90
            lag = Lag([PartitionLag(0, second, 0, second + behind, behind, None)])
            memory, _, events = after_sample(memory, lag, now, MARKS)
        rows += len(events)
    return rows


def size_rows(*, archived: int) -> int:
    """A day of ticks every 15 s; the orders grow above the high mark, and a run of two minutes halves them."""
    memory, rows, size, asked_at = SizeMemory(), 0, 400, -DAY
    for second in range(0, DAY, 15):
        ended = second - asked_at >= 120
        size = 400 if asked_at > 0 and second - asked_at == 120 else size + (second % (DAY // archived // 650) < 15)
        outcome = Outcome.SUCCEEDED if ended else Outcome.ACTIVE
        decision = decide(memory, size, outcome, START + second, Watermarks(1000, 500, 2))
        asked_at = second if decision.ask else asked_at
        memory, events = events_of(decision, memory, size, START + second)
        rows += len(events)
    assert memory.episode >= archived - 1
    return rows


def alert_rows(*, incidents: int) -> int:
    """A day of ticks every 30 s; incidents of ten minutes, of another rule each."""
    memory, rows = AlertMemory(), 0
    for second in range(0, DAY, 30):
        number, within = divmod(second, DAY // incidents)
        rule = list(Rule)[number % len(Rule)]
        found = [replace(ALERT, rule=rule, value=float(second))] if within < 600 else []
        memory, events = after_evaluation(memory, evaluations(found), START + second)
        rows += len(events)
    return rows


def kpi_rows() -> int:
    """A day of ticks every 30 s; a day waits too long for an hour."""
    memory, rows = DirtyMemory(), 0
    for second in range(0, DAY, 30):
        late = {"2026-11-20": START - DAY} if 7_200 <= second < 10_800 else {}
        memory, events = after_verdict(memory, waiting_verdict(late, "2026-11-23", START + second), START + second)
        rows += len(events)
    return rows


def heartbeat_rows(*, restarts: int) -> int:
    """A day of beats every minute over a stream that always applies; restarts with a stall of two minutes each."""
    written, rows = Written(), 0
    for second in range(0, DAY, 60):
        number, within = divmod(second, DAY // restarts)
        after = written.after(second + 1, number, START + second, stalled=within < 120)
        if after is not written:
            rows += len(FACTS) if after.position != written.position else 1
        written = after
    return rows


def test_a_day_with_incidents_leaves_no_more_than_two_thousand_rows() -> None:
    """Alarms, outages and alerts every hour or two, and a stream that is restarted ten times."""
    outside = lag_rows(alarms=12, outages=12) + size_rows(archived=6) + alert_rows(incidents=24) + kpi_rows()

    assert outside <= 1_300
    assert outside + heartbeat_rows(restarts=10) <= 2_000


def test_figures_that_do_not_change_are_written_every_ten_minutes() -> None:
    """Often enough for a plot: a row of the lag and one of its check."""
    memory, rows = LagMemory(), 0
    for second in range(0, 3600, 15):
        memory, _, events = after_sample(memory, Lag([PartitionLag(0, 5, 0, 9, 4, None)]), START + second, MARKS)
        rows += len(events)

    assert rows == 2 * 6


@pytest.mark.parametrize(
    ("position", "restarts", "stalled", "minutes", "written"),
    [
        (7, 0, False, 1, False),
        (7, 0, True, 1, True),
        (7, 1, False, 1, True),
        (5, 0, False, 10, True),
    ],
    ids=["moved", "stalled", "restarted", "repeat"],
)
def test_a_heartbeat_is_written_when_the_stream_stalls_or_restarts_and_every_ten_minutes(
    position: int, restarts: int, stalled: bool, minutes: int, written: bool
) -> None:
    """Not with every event that it applies."""
    last = Written(START, 5, stalled=False, restarts=0)

    assert (last.after(position, restarts, START + 60 * minutes, stalled=stalled) is not last) == written
