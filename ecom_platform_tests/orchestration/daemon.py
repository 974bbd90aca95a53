"""Dagster's daemon, one step at a time and in this process."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import dagster as dg

from ecom_platform.orchestration.definitions import defs as platform_defs
from ecom_platform.orchestration.resources import Batch, Platform

# The platform's definitions in a process that is not the batch run's own.
DEFS = dg.Definitions(
    assets=platform_defs.assets,
    asset_checks=platform_defs.asset_checks,
    jobs=platform_defs.jobs,
    sensors=platform_defs.sensors,
    resources={**dict(platform_defs.resources or {}), "batch": Batch(niceness=0)},
    executor=platform_defs.executor,
)
SENSORS: dict[str, Any] = {sensor.name: sensor for sensor in platform_defs.sensors or ()}


def one_tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance | None = None) -> dg.SensorExecutionData:
    """One evaluation of a sensor with nothing remembered."""
    with (
        nullcontext(instance) if instance else dg.DagsterInstance.ephemeral() as own,
        dg.build_sensor_context(own, resources={"platform": Platform()}) as context,
    ):
        return sensor.evaluate_tick(context)


class Daemon:
    """What Dagster's daemon does, one step at a time: evaluate a sensor, run what it asks for."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursors: dict[str, str | None] = {}
        self.said = ""

    def tick(self, name: str) -> list[dg.RunRequest]:
        """One evaluation of a sensor."""
        sensor = SENSORS[name]
        resources = {"platform": (platform_defs.resources or {})["platform"]}
        with dg.build_sensor_context(self.instance, cursor=self.cursors.get(name), resources=resources) as context:
            data = sensor.evaluate_tick(context)
        self.cursors[name], self.said = data.cursor, str(data.skip_message)
        return list(data.run_requests or ())

    def run(self, request: dg.RunRequest, job: str = "") -> bool:
        """Run a request to its end; whether it succeeded."""
        return self.run_job(request.job_name or job, dict(request.tags))

    def run_job(self, job: str, tags: dict[str, str] | None = None) -> bool:
        """Run a job to its end; whether it succeeded."""
        definition = DEFS.resolve_job_def(job)
        return bool(definition.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False).success)

    def figures(self, key: dg.AssetKey) -> dict[str | None, dict[str, Any]]:
        """The figures of the latest materialization of every partition of an asset."""
        records = self.instance.fetch_materializations(key, limit=100).records
        events = [record.asset_materialization for record in reversed(records)]
        return {
            event.partition: {name: value.value for name, value in event.metadata.items()} for event in events if event
        }

    def verdicts(self, key: dg.AssetKey, check: str) -> dict[str | None, bool]:
        """The latest evaluation of every partition of a check."""
        storage = self.instance.event_log_storage
        found = {}
        for record in reversed(storage.get_asset_check_execution_history(dg.AssetCheckKey(key, check), limit=100)):
            event = record.event.dagster_event if record.event else None
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                found[evaluation.partition] = evaluation.passed
        return found
