"""What the sensors say when there is nothing to look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.orchestration.alerts import alert_sensor
from ecom_platform.orchestration.archiving.jobs import orders_archive_schedule
from ecom_platform.orchestration.archiving.size import marks_of, orders_size_sensor
from ecom_platform.orchestration.archiving.waiting import late_events_sensor, orders_purge_sensor
from ecom_platform.orchestration.dirty_days import dirty_days_sensor
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.status import pipeline_status_sensor
from ecom_platform.orchestration.supervision.sensor import streaming_supervisor_sensor
from ecom_platform.orchestration.topic import kafka_lag_sensor
from ecom_platform.settings import load_settings

# Dagster warns of its own beta parameter when it evaluates a sensor.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer:dagster.BetaWarning")


@pytest.fixture(autouse=True)
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server was ever started here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_HOME", str(tmp_path / "home"))


def tick(sensor: dg.SensorDefinition) -> dg.SensorExecutionData:
    """One evaluation with nothing remembered."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources={"platform": Platform()}) as context,
    ):
        return sensor.evaluate_tick(context)


SENSORS = [
    streaming_supervisor_sensor,
    kafka_lag_sensor,
    alert_sensor,
    orders_size_sensor,
    orders_purge_sensor,
    late_events_sensor,
    dirty_days_sensor,
    pipeline_status_sensor,
]


@pytest.mark.parametrize("sensor", SENSORS, ids=lambda sensor: sensor.name)
def test_in_a_fresh_clone_a_sensor_skips_with_the_command_to_run(sensor: dg.SensorDefinition) -> None:
    """`dagster dev` before `ecom up` is no fault: no failed tick, no trace in the terminal every few seconds."""
    data = tick(sensor)

    assert "ecom up" in data.skip_message
    assert not data.run_requests


def test_a_mongodb_that_is_down_fails_the_supervisors_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be known without it, and a failed tick is seen."""
    monkeypatch.setenv("ECOM_MONGODB_URI", "mongodb://127.0.0.1:1/?replicaSet=none")

    with pytest.raises(UnavailableError):
        tick(streaming_supervisor_sensor)


def test_in_a_fresh_clone_the_daily_schedule_skips_with_the_command_to_run() -> None:
    """As the sensors do."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_schedule_context(
            instance,
            scheduled_execution_time=datetime(2026, 11, 23, 1, 30, tzinfo=UTC),
            resources={"platform": Platform()},
        ) as context,
    ):
        data = orders_archive_schedule.evaluate_tick(context)

    assert "ecom up" in str(data.skip_message)


def test_marks_the_wrong_way_round_are_named() -> None:
    """A low mark above the high one would fire for ever."""
    settings = load_settings(archive_high_bytes=5, archive_low_bytes=5)

    with pytest.raises(ConfigurationError, match=r"ECOM_ARCHIVE_LOW_BYTES .* ECOM_ARCHIVE_HIGH_BYTES"):
        marks_of(settings)
