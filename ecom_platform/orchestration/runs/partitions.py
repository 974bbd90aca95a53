"""The daily partitions. They begin with a setting, read once, so that definitions load without any server."""

from __future__ import annotations

import warnings
from functools import cache

import dagster as dg

from ecom_platform.settings import load_settings


@cache
def archive_days() -> dg.DailyPartitionsDefinition:
    """UTC days that are over."""
    return dg.DailyPartitionsDefinition(start_date=load_settings().history_start.isoformat(), end_offset=0)


@cache
def kpi_days() -> dg.DailyPartitionsDefinition:
    """UTC days, today included."""
    return dg.DailyPartitionsDefinition(start_date=load_settings().history_start.isoformat(), end_offset=1)


def same_day_once_over() -> dg.TimeWindowPartitionMapping:
    """From a day of figures to the same day of the archive, and to none for today.

    Without it, Dagster refuses every backfill of figures that includes today.
    """
    with warnings.catch_warnings():
        # A parameter in beta; versions are locked, and a test runs such a backfill.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
