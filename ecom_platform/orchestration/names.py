"""Names shared by the assets, jobs, sensors and tools of this room; they are what a person sees in the Dagster UI."""

from __future__ import annotations

from typing import Final

CODE_LOCATION: Final = "ecom_platform"
OWNER: Final = "team:data-platform"

STREAM_LOG: Final = "stream.log"

SUPERVISOR_JOB: Final = "streaming_supervisor_job"
SUPERVISOR_POOL: Final = "streaming_supervisor"
SUPERVISOR_SENSOR: Final = "streaming_supervisor_sensor"
LAG_SENSOR: Final = "kafka_lag_sensor"
ALERT_SENSOR: Final = "alert_sensor"
STATUS_SENSOR: Final = "pipeline_status_sensor"

BATCH_POOL: Final = "spark_batch"
"""One run at a time: a laptop has room for the stream's JVM and one more."""

ARCHIVE_JOB: Final = "orders_archive_job"
PURGE_JOB: Final = "orders_purge_job"
KPI_JOB: Final = "kpi_daily_job"
REHYDRATION_JOB: Final = "rehydration_job"
# Not the batch pool: late events must not wait for a run that takes minutes.
REHYDRATION_POOL: Final = "rehydration"

ARCHIVE_SENSOR: Final = "orders_size_sensor"
PURGE_SENSOR: Final = "orders_purge_sensor"
LATE_SENSOR: Final = "late_events_sensor"
DIRTY_SENSOR: Final = "dirty_days_sensor"
ARCHIVE_SCHEDULE: Final = "orders_archive_schedule"

EVALUATED_CHECK: Final = "alert_rules_evaluated"
LAG_CHECK: Final = "lag_within_bounds"
RECONCILIATION_CHECK: Final = "accounting_equations_hold"
SIZE_CHECK: Final = "size_within_bounds"
ARCHIVE_CHECK: Final = "published_files_match"
KPI_CHECK: Final = "equals_live_rollups"

LEASED_TAG: Final = "ecom/leased"
"""Carried by every run that takes the lease of the role it names; the reconciler looks at these runs only."""

STOPPED_BY_TAG: Final = "ecom/stopped-by"
"""Put on a run before it is stopped on purpose by a program; an untagged CANCELED run was stopped by a person."""

ENDED_BY_TAG: Final = "ecom/ended-by"
"""Put on its own run by the supervisor when it ends; a FAILURE without it is a worker that died."""

REQUEST_TAG: Final = "ecom/request"
"""Which request of a sensor a run answers; the sensor finds out by it what became of the run."""
