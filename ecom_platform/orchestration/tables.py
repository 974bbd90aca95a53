"""The tables as assets: their keys, and what Dagster shows of their columns."""

from __future__ import annotations

from typing import Any, Final

import dagster as dg

from ecom_platform.orchestration.columns import ARCHIVE, COLUMNS, KPI_TABLES, PURGE, TOPIC, sources_of, text_of
from ecom_platform.settings import load_settings
from ecom_platform.store import collections as names

TOPIC_KEY: Final = dg.AssetKey(["sources", TOPIC])
DIMENSIONS: Final = names.DIMENSIONS
FACTS: Final = (names.ORDERS, names.ORDER_ITEMS, names.DELIVERIES, names.DEAD_LETTERS)

ARCHIVE_KEY: Final = dg.AssetKey(["archive", ARCHIVE])
PURGE_KEY: Final = dg.AssetKey(["archive", PURGE])
SUMMARY_KEY: Final = dg.AssetKey(["archive", names.ORDERS_ARCHIVE_SUMMARY])
ALERTS_KEY: Final = dg.AssetKey(["alerts", "alerts"])
KPI_KEYS: Final = tuple(dg.AssetKey(["kpis", name]) for name in KPI_TABLES)


def result_of(found: dg.AssetCheckEvaluation) -> dg.AssetCheckResult:
    """What a sensor writes about a check, as the check itself returns it."""
    return dg.AssetCheckResult(
        asset_key=found.asset_key,
        check_name=found.check_name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )


def dimension_key(name: str) -> dg.AssetKey:
    """The asset key of a dimension."""
    return dg.AssetKey(["dimensions", name])


def fact_key(name: str) -> dg.AssetKey:
    """The asset key of a fact."""
    return dg.AssetKey(["facts", name])


def kpi_key(name: str) -> dg.AssetKey:
    """The asset key of a daily KPI."""
    return dg.AssetKey(["kpis", name])


def schema(table: str) -> dg.TableSchema:
    """The columns of a table."""
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=text_of(name)) for name, kind in COLUMNS[table].items()]
    )


def table_metadata(table: str, collection: str | None = None) -> dict[str, Any]:
    """What Dagster shows of a table in MongoDB: columns, where they come from, its name and address."""
    collection = collection or table
    return {
        **column_metadata(table),
        "dagster/table_name": collection,
        # Without a host: that is a setting of the place, and may hold a password.
        "dagster/uri": f"mongodb:///{load_settings().mongodb_database}/{collection}",
    }


def column_metadata(table: str) -> dict[str, Any]:
    """The columns of a table, and where they come from."""
    found = lineage(table)
    return {
        "dagster/column_schema": schema(table),
        **({"dagster/column_lineage": found} if found.deps_by_column else {}),
    }


def lineage(table: str) -> dg.TableColumnLineage:
    """Where the columns of a table come from; empty for a source."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(_key(upstream), name) for upstream, name in deps]
            for column, deps in sources_of(table).items()
        }
    )


def _key(table: str) -> dg.AssetKey:
    if table in (TOPIC, ARCHIVE, PURGE):
        return {TOPIC: TOPIC_KEY, ARCHIVE: ARCHIVE_KEY, PURGE: PURGE_KEY}[table]
    return dimension_key(table) if table in DIMENSIONS else fact_key(table)
