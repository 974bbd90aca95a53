"""The columns as Dagster shows them."""

from __future__ import annotations

from ecom_platform.history.daily_figures import SUBJECTS
from ecom_platform.orchestration.tables import KPI_TABLES, schema

DERIVED = {"delay_mean_seconds", "delay_p50_seconds", "delay_p90_seconds"}


def test_the_columns_shown_are_amounts_that_are_kept() -> None:
    """One table per subject, in the same order."""
    for table, amounts in zip(KPI_TABLES, SUBJECTS.values(), strict=True):
        columns = {column.name for column in schema(table).columns} - {"day", "subject", "member"}
        assert columns - DERIVED == set(amounts)
