"""Some days' KPIs, from all of their orders and beside the live rollups, at one instant of the cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ecom_platform.history.daily_figures import (
    Difference,
    Figures,
    differences,
    live_figures,
    replace_day,
    total_orders,
    within_day,
)
from ecom_platform.kpi.figures import half_hour
from ecom_platform.settings import Settings
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.cluster_time import database_at, instant_errors, read_at_one_instant

if TYPE_CHECKING:
    from bson.timestamp import Timestamp
    from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A day: its figures, where the rollups disagree, and how many orders came from where.

    Attributes:
        seconds: that all days of the same reading took.
        marks: the day's marks in `dirty_days`, and when it was last touched.
    """

    day: str
    figures: Figures
    differences: tuple[Difference, ...]
    hot_orders: int
    cold_orders: int
    seconds: float
    marks: Mapping[str, datetime]


def recompute(settings: Settings, db: MongoDatabase, spark: SparkSession, days: Sequence[str]) -> list[Recomputed]:
    """Compute days at one instant, store them, and take their marks away unless they changed meanwhile.

    Args:
        settings: where the archive is.
        db: the platform's database.
        spark: a session for batch work.
        days: UTC days, oldest first, with no gap between them.

    Raises:
        UnavailableError: a server does not answer, or reading took longer than the five minutes that MongoDB keeps an
            instant, again and again; the stored figures are the earlier ones and the marks are there.
    """
    found = read_at_one_instant(db, lambda instant: _compute(settings, db, spark, days, instant))
    for one in found:
        replace_day(db, one.day, one.figures, datetime.now(UTC))
        with mongo_errors("taking the marks of computed days away"):
            for mark, touched_at in one.marks.items():
                db[names.DIRTY_DAYS].delete_one({"_id": mark, "at": touched_at})
    return found


def _compute(
    settings: Settings, db: MongoDatabase, spark: SparkSession, days: Sequence[str], instant: Timestamp
) -> list[Recomputed]:
    from ecom_platform.history.spark_daily import compute_figures, orders_of

    started = time.monotonic()
    as_of = half_hour(datetime.fromtimestamp(instant.time, UTC))
    figures = compute_figures(orders_of(settings, db, spark, days[0], days[-1], instant), days[0], days[-1], as_of)
    seconds = time.monotonic() - started
    then = database_at(db, instant)
    with instant_errors("reading the rollups of some days"):
        return [_beside_rollups(then, day, as_of, figures.get(day, {}), seconds) for day in days]


def _beside_rollups(then: MongoDatabase, day: str, as_of: datetime, figures: Figures, seconds: float) -> Recomputed:
    hot = then[names.ORDERS].count_documents({"order_time": within_day(day)})
    return Recomputed(
        day=day,
        figures=figures,
        differences=tuple(differences(figures, live_figures(then, day, as_of))),
        hot_orders=hot,
        cold_orders=total_orders(figures) - hot,
        seconds=seconds,
        marks={row["_id"]: row["at"] for row in then[names.DIRTY_DAYS].find({"day": day})},
    )
