"""The daily figures of a day that is not over."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from ecom_platform.history.daily_figures import differences, live_figures
from ecom_platform.history.spark_daily import compute_figures, kpi_options, orders_of
from ecom_platform.kpi.figures import half_hour
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.cluster_time import read_cluster_time
from ecom_platform.tabular.spark_session import running_session
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.moving import due, fill
from ecom_platform_tests.kpi.stored import NOW, add_rollups


def test_what_is_promised_for_later_today_is_not_due_yet(settings: Settings, db: MongoDatabase, tmp_path: Path) -> None:
    """By the orders as by the rollups, cut at the last closed half hour."""
    orders = fill(db, count=300, days=3)
    add_rollups(db, orders.values(), 0, NOW)
    handmade.archive(settings, db, due(orders))
    today, as_of = NOW.date().isoformat(), half_hour(NOW)
    own = settings.model_copy(update={"home": tmp_path})

    with running_session(own, SparkSession.builder.config(map=kpi_options(own)).getOrCreate) as spark:
        found = compute_figures(orders_of(own, db, spark, today, today, read_cluster_time(db)), today, today, as_of)

    promised = [order["delivery"]["expected_time"] for order in orders.values() if is_promised(order, today)]
    assert 0 < sum(expected < as_of for expected in promised) < len(promised)
    assert found[today]["day", ""]["due"] == sum(expected < as_of for expected in promised)
    assert differences(found[today], live_figures(db, today, as_of)) == []


def is_promised(order: dict[str, object], day: str) -> bool:
    """Whether an order that was not cancelled is promised for a day."""
    delivery: dict[str, object] = order["delivery"]
    return str(delivery["expected_time"]).startswith(day) and delivery["status"] != "Cancelled"
