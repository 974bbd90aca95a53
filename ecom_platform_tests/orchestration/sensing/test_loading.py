"""Batch work leaves the machine to a history that is being loaded."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from ecom_platform.orchestration.archiving.size_sensor import orders_size_sensor
from ecom_platform.orchestration.kpis.dirty_sensor import dirty_days_sensor
from ecom_platform.orchestration.resources import Platform
from ecom_platform.settings import Settings
from ecom_platform.store import Loading, MongoDatabase, ensure_schema, write_loading
from ecom_platform_tests.conftest import variables

pytestmark = [
    pytest.mark.servers,
    # Dagster warns of its own beta parameter when it evaluates a sensor.
    pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer:dagster.BetaWarning"),
]


@pytest.mark.parametrize("sensor", [orders_size_sensor, dirty_days_sensor], ids=lambda sensor: sensor.name)
def test_batch_work_waits_until_the_history_is_loaded(
    sensor: dg.SensorDefinition, db: MongoDatabase, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sensor says why it asks for nothing, and looks again at the next tick."""
    monkeypatch.chdir(settings.home)
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)
    ensure_schema(db)

    write_loading(db, "simulator", Loading(0.25, datetime.now(UTC)))
    assert "25 % of the history" in str(skipped(sensor))

    write_loading(db, "simulator", None)
    assert "history" not in str(skipped(sensor))


def skipped(sensor: dg.SensorDefinition) -> str | None:
    """Why one evaluation with nothing remembered asks for nothing."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources={"platform": Platform()}) as context,
    ):
        return sensor.evaluate_tick(context).skip_message
