"""Only one archiver works at a time, and one that lost its lease changes nothing more."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pyroaring import BitMap64
from pyspark.sql import SparkSession

from ecom_platform.archive import purge as purge_module
from ecom_platform.archive.archiver_lease import held_archiver
from ecom_platform.archive.run import archive
from ecom_platform.errors import Fenced
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.leases import ARCHIVER_ROLE
from ecom_platform.store.manifests import RunState, bitmap_to, read_manifests
from ecom_platform_tests.archive.moving import POLICY, At, due, everything, expected, fill, listed

pytestmark = pytest.mark.usefixtures("empty_archive")


def test_two_archivers_do_not_work_at_once(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """The second is told who works, and starts nothing."""
    fill(db, count=50)
    with held_archiver(settings, db, owner="the first"), pytest.raises(Fenced, match="the first"):
        archive(settings, db, POLICY, spark=spark)
    assert read_manifests(db) == []


@pytest.mark.parametrize("step", ["planned", "written", "published", "checked"])
def test_an_archiver_that_lost_its_lease_changes_nothing_more(
    settings: Settings, db: MongoDatabase, spark: SparkSession, step: str
) -> None:
    """It slept, another one took over and finished; the late one is fenced, and every order counts once."""
    orders = fill(db, count=60)
    another = partial(take_over, settings, db, spark)
    with pytest.raises(Fenced):
        archive(settings, db, POLICY, spark=spark, progress=At(step, another))
    [run] = read_manifests(db)
    assert (run.state, run.token) == (RunState.DONE, 2)
    assert everything(settings, db) == expected(orders)
    assert listed(settings) >= {file.path for file in run.files}


def test_an_archiver_that_lost_its_lease_late_finds_nothing_left_to_do(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """Its successor purged what it had committed."""
    orders = fill(db, count=60)
    another = partial(take_over, settings, db, spark)
    assert archive(settings, db, POLICY, spark=spark, progress=At("committed", another)) == []
    [run] = read_manifests(db)
    assert (run.state, run.token) == (RunState.DONE, 2)
    assert everything(settings, db) == expected(orders)


def test_an_order_brought_back_while_a_late_archiver_ends_its_run_counts_once(
    settings: Settings, db: MongoDatabase, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept after its last look at the hot rows; who holds the role now brought an order of its run back."""
    orders = fill(db, count=60)
    number = min(due(orders))
    orders[number]["version"] += 1

    def look_and_sleep(*arguments: Any) -> BitMap64:
        hot = still_hot(*arguments)
        db.leases.update_one({"_id": ARCHIVER_ROLE}, {"$inc": {"token": 1}, "$set": {"owner": None}})
        db.orders.insert_one(orders[number])
        db.archive_manifests.update_one({}, {"$set": {"superseded": bitmap_to(BitMap64([number]))}})
        return hot

    still_hot = purge_module._still_hot
    monkeypatch.setattr(purge_module, "_still_hot", look_and_sleep)
    with pytest.raises(Fenced):
        archive(settings, db, POLICY, spark=spark)
    monkeypatch.undo()
    assert everything(settings, db) == expected(orders)
    assert archive(settings, db, POLICY, spark=spark)[0].state == RunState.DONE
    assert everything(settings, db) == expected(orders)


def take_over(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """Archive as another archiver, to whom the lease looks free."""
    db.leases.update_one({"_id": ARCHIVER_ROLE}, {"$set": {"owner": None}})
    archive(settings, db, POLICY, spark=spark)
