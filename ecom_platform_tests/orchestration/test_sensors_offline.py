"""What the sensors say when there is nothing to look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.orchestration.archiving.jobs import orders_archive_schedule
from ecom_platform.orchestration.archiving.size import marks_of
from ecom_platform.orchestration.definitions import defs
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.supervision.sensor import streaming_supervisor_sensor
from ecom_platform.settings import load_settings
from ecom_platform_tests.orchestration.daemon import one_tick


@pytest.fixture(autouse=True)
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server was ever started here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_HOME", str(tmp_path / "home"))


# The others are told by Dagster itself that a run failed; they look at nothing.
SENSORS = [sensor for sensor in defs.sensors if type(sensor) is dg.SensorDefinition]


@pytest.mark.parametrize("sensor", SENSORS, ids=lambda sensor: sensor.name)
def test_in_a_fresh_clone_a_sensor_skips_with_the_command_to_run(sensor: dg.SensorDefinition) -> None:
    """`dagster dev` before `ecom up` is no fault: no failed tick, no trace in the terminal every few seconds."""
    data = one_tick(sensor)

    assert "ecom up" in data.skip_message
    assert not data.run_requests


def test_a_mongodb_that_is_down_fails_the_supervisors_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be known without it, and a failed tick is seen."""
    monkeypatch.setenv("ECOM_MONGODB_URI", "mongodb://127.0.0.1:1/?replicaSet=none")

    with pytest.raises(UnavailableError):
        one_tick(streaming_supervisor_sensor)


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
