"""One day's KPIs, from all of its orders and beside the live rollups, at one instant of the cluster."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ecom_platform.orchestration.daily_figures import Difference, Figures, differences, live_figures, replace_day
from ecom_platform.settings import Settings
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.cluster_time import database_at, read_at_one_instant

if TYPE_CHECKING:
    from bson.timestamp import Timestamp
    from pyspark.sql import SparkSession

__all__ = ["Recomputed", "recompute"]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A day: its figures, where the rollups disagree, and how many orders came from where."""

    day: str
    figures: Figures
    differences: tuple[Difference, ...]
    hot_orders: int
    cold_orders: int
    seconds: float


def recompute(settings: Settings, db: MongoDatabase, spark: SparkSession, day: str) -> Recomputed:
    """Compute a day, store it, and take its mark away unless it changed meanwhile.

    Raises:
        UnavailableError: a server does not answer, or reading took longer than the five minutes that MongoDB keeps an
            instant, again and again; the stored figures are the earlier ones and the mark is there.
    """
    started = time.monotonic()

    def at(instant: Timestamp) -> tuple[Recomputed, dict[str, datetime]]:
        return _compute(settings, db, spark, day, instant, started)

    found, marks = read_at_one_instant(db, at)
    replace_day(db, day, found.figures, datetime.now(UTC))
    with mongo_errors("taking the marks of computed days away"):
        for mark, touched_at in marks.items():
            db[names.DIRTY_DAYS].delete_one({"_id": mark, "at": touched_at})
    return found


def _compute(
    settings: Settings, db: MongoDatabase, spark: SparkSession, day: str, instant: Timestamp, started: float
) -> tuple[Recomputed, dict[str, datetime]]:
    from ecom_platform.orchestration.spark_kpis import compute_figures, orders_of_day

    then = database_at(db, instant)
    with mongo_errors("reading what a day's figures are made from"):
        marks = {row["_id"]: row["at"] for row in then[names.DIRTY_DAYS].find({"day": day})}
        live = live_figures(then, day)
    orders, hot, cold = orders_of_day(settings, db, spark, day, instant)
    figures = compute_figures(orders)
    found = tuple(differences(figures, live))
    return Recomputed(day, figures, found, hot, cold, time.monotonic() - started), marks
