"""Everything Dagster loads: `dagster dev` in the clone, or the code server that `ecom demo` starts."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.assets.dimensions import dimensions
from ecom_platform.orchestration.assets.facts import facts
from ecom_platform.orchestration.assets.sources import orders_topic
from ecom_platform.orchestration.checks.lag import lag_within_bounds
from ecom_platform.orchestration.checks.reconciliation import accounting_equations_hold
from ecom_platform.orchestration.jobs import streaming_supervisor_job
from ecom_platform.orchestration.resources import Platform, StreamLauncher, SupervisorPace
from ecom_platform.orchestration.sensors.kafka_lag import kafka_lag_sensor
from ecom_platform.orchestration.sensors.supervisor import streaming_supervisor_sensor

__all__ = ["defs"]

defs = dg.Definitions(
    assets=[orders_topic, dimensions, facts],
    asset_checks=[lag_within_bounds, accounting_equations_hold],
    jobs=[streaming_supervisor_job],
    sensors=[streaming_supervisor_sensor, kafka_lag_sensor],
    resources={"platform": Platform(), "launcher": StreamLauncher(), "supervisor_pace": SupervisorPace()},
    # One process per run: a process per step would pay for its own imports, and a JVM's start, again and again.
    executor=dg.in_process_executor,
)
