"""KPIs: one definition each, from which live rollups, recomputation and the help on screen are made. No I/O."""

from ecom_platform.kpi.buckets import (
    PRODUCTS_PER_BLOCK,
    UNKNOWN,
    Grain,
    bin_edge_seconds,
    bucket_name,
    bucket_time,
    delay_bin,
    field_key,
    field_name,
)
from ecom_platform.kpi.contribution import accumulate, accumulate_receipt, contribution
from ecom_platform.kpi.rollups import Increment, Rollups

__all__ = [
    "PRODUCTS_PER_BLOCK",
    "UNKNOWN",
    "Grain",
    "Increment",
    "Rollups",
    "accumulate",
    "accumulate_receipt",
    "bin_edge_seconds",
    "bucket_name",
    "bucket_time",
    "contribution",
    "delay_bin",
    "field_key",
    "field_name",
]
