"""The rollups and the daily KPIs in MongoDB, written and read for a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ecom_platform.kpi import Rollups, accumulate
from ecom_platform.store import MongoDatabase
from ecom_platform.store.rollups import add_increments
from ecom_platform_tests.oracle.daily import Daily


def add_rollups(db: MongoDatabase, orders: Iterable[Mapping[str, Any]]) -> None:
    """The rollups the stream would have written."""
    rollups = Rollups()
    for order in orders:
        accumulate(rollups, order, 1)
    with db.client.start_session() as session:
        add_increments(db, rollups.increments(0, datetime.now(UTC)), session)


def stored_daily(db: MongoDatabase, day: str) -> Daily:
    """What `kpi_daily` holds for a day."""
    head = ("_id", "day", "subject", "member", "at")
    found = {}
    for row in db.kpi_daily.find({"day": day}):
        amounts = {name: value for name, value in row.items() if name not in head and value}
        found[row["subject"], row["member"]] = amounts
    return {key: amounts for key, amounts in found.items() if amounts}
