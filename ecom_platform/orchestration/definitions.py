"""Everything Dagster loads: `dagster dev` in the clone, or the code server that `ecom demo` starts."""

from __future__ import annotations

import dagster as dg

from ecom_platform.credentials import Role
from ecom_platform.orchestration.alerts import alert_checks, alert_sensor, shop_alerts
from ecom_platform.orchestration.archiving.assets import (
    orders_archive,
    orders_archive_summary,
    orders_purge,
    size_within_bounds,
)
from ecom_platform.orchestration.archiving.jobs import (
    orders_archive_job,
    orders_archive_schedule,
    orders_purge_job,
    rehydration_job,
)
from ecom_platform.orchestration.archiving.size import orders_size_sensor
from ecom_platform.orchestration.archiving.waiting import late_events_sensor, orders_purge_sensor
from ecom_platform.orchestration.dimensions import dimensions
from ecom_platform.orchestration.dirty_days import dirty_days_sensor, no_day_waits
from ecom_platform.orchestration.facts import accounting_equations_hold, facts
from ecom_platform.orchestration.kpis import kpi_daily, kpi_daily_job
from ecom_platform.orchestration.pruning import prune_history_job, prune_history_schedule
from ecom_platform.orchestration.resources import Batch, Platform, StreamLauncher, pyspark
from ecom_platform.orchestration.status import pipeline_status_sensor, run_failure_sensor
from ecom_platform.orchestration.supervision.jobs import streaming_supervisor_job
from ecom_platform.orchestration.supervision.sensor import streaming_supervisor_sensor
from ecom_platform.orchestration.supervision.supervisor import SupervisorPace
from ecom_platform.orchestration.topic import kafka_lag_sensor, lag_within_bounds, orders_topic

defs = dg.Definitions(
    assets=[
        orders_topic,
        dimensions,
        facts,
        orders_archive,
        orders_purge,
        orders_archive_summary,
        kpi_daily,
        shop_alerts,
    ],
    asset_checks=[
        lag_within_bounds,
        accounting_equations_hold,
        size_within_bounds,
        alert_checks,
        no_day_waits,
    ],
    jobs=[
        streaming_supervisor_job,
        orders_archive_job,
        orders_purge_job,
        rehydration_job,
        kpi_daily_job,
        prune_history_job,
    ],
    sensors=[
        streaming_supervisor_sensor,
        kafka_lag_sensor,
        alert_sensor,
        orders_size_sensor,
        orders_purge_sensor,
        late_events_sensor,
        dirty_days_sensor,
        pipeline_status_sensor,
        run_failure_sensor,
    ],
    schedules=[orders_archive_schedule, prune_history_schedule],
    resources={
        "platform": Platform(),
        "archive_platform": Platform(role=Role.ARCHIVER.value),
        "kpi_platform": Platform(role=Role.KPI.value),
        "launcher": StreamLauncher(),
        "supervisor_pace": SupervisorPace(),
        "batch": Batch(),
        "pyspark": pyspark,
    },
    # One process per run: a process per step would pay for its own imports, and a JVM's start, again and again.
    executor=dg.in_process_executor,
)
