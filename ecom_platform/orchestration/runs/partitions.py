"""The daily partitions. They begin with a setting, read once, so that definitions load without any server."""

from __future__ import annotations

from functools import cache

import dagster as dg

from ecom_platform.settings import load_settings

__all__ = ["archive_days", "kpi_days"]


@cache
def archive_days() -> dg.DailyPartitionsDefinition:
    """UTC days that are over."""
    return dg.DailyPartitionsDefinition(start_date=load_settings().history_start.isoformat(), end_offset=0)


@cache
def kpi_days() -> dg.DailyPartitionsDefinition:
    """UTC days, today included."""
    return dg.DailyPartitionsDefinition(start_date=load_settings().history_start.isoformat(), end_offset=1)
