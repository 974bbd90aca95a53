"""Everything Dagster loads: `dagster dev` in the clone, or the code server that `ecom demo` starts."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.assets.archive import orders_archive, orders_archive_summary, orders_purge
from ecom_platform.orchestration.assets.dimensions import dimensions
from ecom_platform.orchestration.assets.facts import facts
from ecom_platform.orchestration.assets.kpis import kpi_daily
from ecom_platform.orchestration.assets.sources import orders_topic
from ecom_platform.orchestration.batch import Batch
from ecom_platform.orchestration.batch_jobs import (
    kpi_daily_job,
    orders_archive_check_job,
    orders_archive_job,
    orders_purge_job,
    rehydration_job,
)
from ecom_platform.orchestration.checks.archive import published_files_match, size_within_bounds
from ecom_platform.orchestration.checks.lag import lag_within_bounds
from ecom_platform.orchestration.checks.reconciliation import accounting_equations_hold
from ecom_platform.orchestration.jobs import streaming_supervisor_job
from ecom_platform.orchestration.resources import Platform, StreamLauncher, SupervisorPace
from ecom_platform.orchestration.schedules import orders_archive_schedule
from ecom_platform.orchestration.sensors.dirty_days import dirty_days_sensor
from ecom_platform.orchestration.sensors.kafka_lag import kafka_lag_sensor
from ecom_platform.orchestration.sensors.late_events import late_events_sensor
from ecom_platform.orchestration.sensors.orders_purge import orders_purge_sensor
from ecom_platform.orchestration.sensors.orders_size import orders_size_sensor
from ecom_platform.orchestration.sensors.supervisor import streaming_supervisor_sensor

__all__ = ["defs"]

defs = dg.Definitions(
    assets=[orders_topic, dimensions, facts, orders_archive, orders_purge, orders_archive_summary, kpi_daily],
    asset_checks=[lag_within_bounds, accounting_equations_hold, size_within_bounds, published_files_match],
    jobs=[
        streaming_supervisor_job,
        orders_archive_job,
        orders_archive_check_job,
        orders_purge_job,
        rehydration_job,
        kpi_daily_job,
    ],
    sensors=[
        streaming_supervisor_sensor,
        kafka_lag_sensor,
        orders_size_sensor,
        orders_purge_sensor,
        late_events_sensor,
        dirty_days_sensor,
    ],
    schedules=[orders_archive_schedule],
    resources={
        "platform": Platform(),
        "launcher": StreamLauncher(),
        "supervisor_pace": SupervisorPace(),
        "batch": Batch(),
    },
    # One process per run: a process per step would pay for its own imports, and a JVM's start, again and again.
    executor=dg.in_process_executor,
)
