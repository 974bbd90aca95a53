"""Tags of runs, pools and the owner, which several subjects share; what is named once is named where it is made."""

from __future__ import annotations

from typing import Final

OWNER: Final = "team:data-platform"
ANALYSTS: Final = "team:analysts"
"""They own, too, what a figure means: of the KPIs and the alerts."""

SUPERVISOR_POOL: Final = "streaming_supervisor"

BATCH_POOL: Final = "spark_batch"
"""One run at a time: a laptop has room for the stream's JVM and one more."""

ARCHIVE_JOB: Final = "orders_archive_job"
PURGE_JOB: Final = "orders_purge_job"
REHYDRATION_JOB: Final = "rehydration_job"
# Not the batch pool: late events must not wait for a run that takes minutes.
REHYDRATION_POOL: Final = "rehydration"

ARCHIVE_SENSOR: Final = "orders_size_sensor"
PURGE_SENSOR: Final = "orders_purge_sensor"
LATE_SENSOR: Final = "late_events_sensor"
ARCHIVE_SCHEDULE: Final = "orders_archive_schedule"

SIZE_CHECK: Final = "size_within_bounds"
ARCHIVE_CHECK: Final = "published_files_match"

LEASED_TAG: Final = "ecom/leased"
"""Carried by every run that takes the lease of the role it names; the reconciler looks at these runs only."""

STOPPED_BY_TAG: Final = "ecom/stopped-by"
"""Put on a run before it is stopped on purpose by a program; an untagged CANCELED run was stopped by a person."""

ENDED_BY_TAG: Final = "ecom/ended-by"
"""Put on its own run by the supervisor when it ends; a FAILURE without it is a worker that died."""

FAILURE_TAG: Final = "ecom/failure"
"""Put on a failed run by a sensor: what its error said. Dagster's storage has it also while MongoDB is away."""

REQUEST_TAG: Final = "ecom/request"
"""Which request of a sensor a run answers; the sensor finds out by it what became of the run."""
