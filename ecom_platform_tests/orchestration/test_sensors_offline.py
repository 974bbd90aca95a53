"""What the sensors say when there is nothing to look at."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from ecom_platform.errors import UnavailableError
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.sensors.kafka_lag import kafka_lag_sensor
from ecom_platform.orchestration.sensors.supervisor import streaming_supervisor_sensor

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


@pytest.mark.parametrize("sensor", [streaming_supervisor_sensor, kafka_lag_sensor], ids=lambda sensor: sensor.name)
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
