"""The columns as Dagster shows them are those of the documents that are stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from ecom_platform.contract import Event, Reason, Rejected
from ecom_platform.history.daily_figures import SUBJECTS
from ecom_platform.orchestration import columns as catalogue
from ecom_platform.orchestration.columns import COLUMNS, KPI_TABLES
from ecom_platform.orchestration.tables import schema
from ecom_platform.simulator.dimensions import ShopSizes, default_shop
from ecom_platform.store import DimensionTables
from ecom_platform.store import collections as names
from ecom_platform.streaming.dead_letters import dead_letter
from ecom_platform.streaming.enrich import stored_order
from ecom_platform.streaming.records import Record
from ecom_platform_tests.streaming.events import placed

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OF_A_CUT_MESSAGE = {"raw_sha256"}
DERIVED = {"delay_mean_seconds", "delay_p50_seconds", "delay_p90_seconds"}


def columns(table: str) -> set[str]:
    """What Dagster shows."""
    return {column.name for column in schema(table).columns}


def test_an_order_has_the_columns_of_its_document() -> None:
    """With an unknown field in its event, which is kept."""
    document = stored_order(placed(1), "{}", DimensionTables(0, {}, {}, {}, {}), {"partition": 0, "offset": 0})

    assert columns(names.ORDERS) == set(document)


@pytest.mark.parametrize("table", names.DIMENSIONS)
def test_a_dimension_has_the_columns_of_its_rows(table: str) -> None:
    """As the default shop stores them."""
    shop = default_shop(1, ShopSizes(users=1, products=24, warehouses=1, couriers=1, cities=2))

    assert columns(table) == set(getattr(shop, table)[0])


def test_a_dead_letter_has_the_columns_of_its_document() -> None:
    """One that was cut has a digest, too."""
    document = dead_letter("orders", 0, Record(0, 1, None, b"{"), Rejected(Reason.BAD_JSON, "no end"), NOW)

    assert columns(names.DEAD_LETTERS) == set(document) | OF_A_CUT_MESSAGE


def test_the_topic_has_the_fields_of_every_event() -> None:
    """And the tag that tells which kind it is."""
    fields = {field.encode_name for event in get_args(Event) for field in msgspec.structs.fields(event)}

    assert columns("orders_topic") == fields | {"event_type"}


def test_the_columns_of_kpis_are_amounts_that_are_kept() -> None:
    """One table per subject, in the same order."""
    for table, amounts in zip(KPI_TABLES, SUBJECTS.values(), strict=True):
        assert columns(table) - {"day", "subject", "member"} - DERIVED == set(amounts)


def test_every_explanation_explains_a_column() -> None:
    """The text of a column that is gone would stay for ever."""
    assert set(catalogue._TEXTS) <= {column for kinds in COLUMNS.values() for column in kinds}
