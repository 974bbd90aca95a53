"""Names shared by the assets, jobs, sensors and tools of this room; they are what a person sees in the Dagster UI."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CODE_LOCATION",
    "ENDED_BY_TAG",
    "LAG_CHECK",
    "LAG_SENSOR",
    "LEASED_TAG",
    "OWNER",
    "RECONCILIATION_CHECK",
    "STOPPED_BY_TAG",
    "STREAM_LOG",
    "STREAM_ROLE",
    "SUPERVISOR_JOB",
    "SUPERVISOR_POOL",
    "SUPERVISOR_SENSOR",
]

CODE_LOCATION: Final = "ecom_platform"
OWNER: Final = "team:data-platform"

STREAM_ROLE: Final = "stream"
STREAM_LOG: Final = "stream.log"

SUPERVISOR_JOB: Final = "streaming_supervisor_job"
SUPERVISOR_POOL: Final = "streaming_supervisor"
SUPERVISOR_SENSOR: Final = "streaming_supervisor_sensor"
LAG_SENSOR: Final = "kafka_lag_sensor"

LAG_CHECK: Final = "lag_within_bounds"
RECONCILIATION_CHECK: Final = "accounting_equations_hold"

LEASED_TAG: Final = "ecom/leased"
"""Carried by every run that takes the lease of the role it names; the reconciler looks at these runs only."""

STOPPED_BY_TAG: Final = "ecom/stopped-by"
"""Put on a run before it is stopped on purpose by a program; an untagged CANCELED run was stopped by a person."""

ENDED_BY_TAG: Final = "ecom/ended-by"
"""Put on its own run by the supervisor when it ends; a FAILURE without it is a worker that died."""
