"""The job of the daily KPIs, as its sensor requests it."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.names import KPI_JOB
from ecom_platform.orchestration.sensing.requests import BATCH_TAGS
from ecom_platform.orchestration.tables import KPI_KEYS

kpi_daily_job = dg.define_asset_job(
    KPI_JOB,
    selection=dg.AssetSelection.assets(*KPI_KEYS),
    description="Computes the daily KPIs of a range of days from the orders, hot and cold.",
    tags=BATCH_TAGS,
)
