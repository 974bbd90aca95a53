"""HDFS that takes no writes: a clear sentence, MongoDB untouched, and the next run repairs."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from pyspark.sql import SparkSession

from ecom_platform.archive.archiver_lease import TTL_SECONDS
from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.layout import STAGING
from ecom_platform.archive.run import STEPS, archive
from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.manifests import RunState, read_manifests
from ecom_platform_tests.archive.hdfs_admin import dfsadmin
from ecom_platform_tests.archive.moving import POLICY, due, everything, expected, fill
from ecom_platform_tests.conftest import Platform

pytestmark = pytest.mark.usefixtures("empty_archive")


@pytest.fixture
def safe_mode(settings: Settings) -> Iterator[None]:
    """A NameNode that refuses every change."""
    dfsadmin(settings, "-safemode", "enter")
    yield
    dfsadmin(settings, "-safemode", "leave")


def test_a_name_node_in_safe_mode_is_named_and_nothing_is_planned(
    settings: Settings, db: MongoDatabase, safe_mode: None
) -> None:
    """Found out before anything is begun."""
    orders = fill(db, count=50)
    with pytest.raises(UnavailableError, match=r"(?i)safe mode"):
        archive(settings, db, POLICY)
    assert read_manifests(db) == []
    assert db.orders.count_documents({}) == len(orders)


@pytest.mark.parametrize(
    "step",
    [
        "written",
        "purging",
        *(pytest.param(s, marks=pytest.mark.full) for s in ("planned", "published", "checked", "committed")),
    ],
)
def test_safe_mode_in_the_middle_of_a_run_leaves_every_order_counted_once(
    settings: Settings, db: MongoDatabase, spark: SparkSession, step: str
) -> None:
    """The run stops with a sentence, or ends if it needed no more changes of HDFS; the next one finishes it."""
    orders = fill(db, count=80)

    def enter(reached: str, done: int, total: int) -> None:
        if reached == step and done >= total:
            dfsadmin(settings, "-safemode", "enter")

    try:
        with pytest.raises(UnavailableError, match=r"(?i)safe ?mode"):
            archive(settings, db, POLICY, spark=spark, progress=enter)
    finally:
        dfsadmin(settings, "-safemode", "leave")
    assert everything(settings, db) == expected(orders)
    archive(settings, db, POLICY, spark=spark)
    assert everything(settings, db) == expected(orders)
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("attempt", range(2))
@pytest.mark.parametrize("victim", ["mongodb", "namenode", "datanode"])
@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_server_killed_during_a_step_costs_nothing(
    settings: Settings,
    db: MongoDatabase,
    spark: SparkSession,
    platform: Platform,
    step: str,
    victim: str,
    attempt: int,
    record_property: Callable[[str, object], None],
) -> None:
    """A kill -9 of mongod, NameNode or DataNode in each step: hot ∪ cold is every order once, then and after."""
    record_property("killed", (f"{STEPS.index(step) + 1}. after {step}", victim))
    orders = fill(db, count=2_000)
    delay = random.Random(f"{step} {victim} {attempt}").uniform(0, 2.0 if step == "planned" else 0.3)
    killings: list[threading.Timer] = []

    def kill_soon(reached: str, done: int, total: int) -> None:
        if reached == step and done >= total and not killings:
            killings.append(threading.Timer(delay, os.kill, (platform.pid(victim), signal.SIGKILL)))
            killings[0].start()

    with suppress(UnavailableError):
        archive(settings, db, POLICY, spark=spark, progress=kill_soon)
    killings[0].join()
    platform.ensure_up()
    assert everything(settings, db) == expected(orders)
    archive_again(settings, db, spark)
    assert everything(settings, db) == expected(orders)
    assert {row["_id"] for row in db.orders.find({}, {"_id": 1})} == set(orders) - due(orders)


def archive_again(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """A plain re-run. It may have to wait for the lease of the run before, which could not say that it ended.

    Of an archiver whose process is gone the lease is free at once; here it is this very process.
    """
    deadline = time.monotonic() + 3 * TTL_SECONDS
    while True:
        try:
            archive(settings, db, POLICY, spark=spark)
        except Fenced:
            assert time.monotonic() < deadline, "the lease did not run out"
            time.sleep(1.0)
        else:
            return


def test_a_full_hdfs_is_named_and_nothing_leaves_mongodb(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """A space quota below one block; with room again, the same run is finished."""
    orders = fill(db, count=80)
    connect_hdfs(settings).mkdirs(STAGING, create_parent=True)
    dfsadmin(settings, "-setSpaceQuota", "1m", STAGING)
    with pytest.raises(UnavailableError, match=r"(?i)quota"):
        archive(settings, db, POLICY, spark=spark)
    [run] = read_manifests(db)
    assert run.state == RunState.PLANNED
    assert db.orders.count_documents({}) == len(orders)
    dfsadmin(settings, "-clrSpaceQuota", STAGING)
    [done] = archive(settings, db, POLICY, spark=spark)
    assert done.run == run.run
    assert everything(settings, db) == expected(orders)
