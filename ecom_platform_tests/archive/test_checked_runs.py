"""Runs whose files fail their check, are damaged or were left unchecked: they count for nothing and are mended."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from ecom_platform.archive.archiver_lease import held_archiver
from ecom_platform.archive.check import CHECKS_TO_PERSON
from ecom_platform.archive.files import FilesDamaged
from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.layout import ROOT, staging_folder
from ecom_platform.archive.run import archive, archive_to_commit
from ecom_platform.errors import NeedsPerson, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.archived import read_archived_ids
from ecom_platform.store.manifests import RunState, read_manifests
from ecom_platform_tests.archive.handmade import put
from ecom_platform_tests.archive.moving import POLICY, At, due, everything, expected, fill, listed

pytestmark = pytest.mark.usefixtures("empty_archive")


def test_a_run_that_fails_its_check_never_counts(settings: Settings, db: MongoDatabase, spark: SparkSession) -> None:
    """An order has other cents than its copy: nothing is committed or deleted; the next run writes it again."""
    orders = fill(db)
    victim = min(due(orders))

    def meddle() -> None:
        db.orders.update_one({"_id": victim}, {"$inc": {"total_cents": 1}})
        orders[victim]["total_cents"] += 1

    with pytest.raises(FilesDamaged, match="failed its check: total_cents of 1 orders differs"):
        archive(settings, db, POLICY, spark=spark, progress=At("published", meddle))
    [failed] = read_manifests(db)
    assert failed.state == RunState.PUBLISHED
    assert failed.verdict is not None
    assert not failed.verdict.passed
    assert db.orders.count_documents({}) == len(orders)
    ids = read_archived_ids(db)
    assert (ids.epoch, ids.runs) == (0, ())
    assert everything(settings, db) == expected(orders)
    [run] = archive(settings, db, POLICY, spark=spark)
    assert run.run == failed.run
    assert everything(settings, db) == expected(orders)
    assert listed(settings) == {file.path for file in run.files}
    assert not set(run.files) & set(failed.files)


def test_a_check_that_fails_again_and_again_is_for_a_person(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """A number with a fraction, which Parquet's column cannot hold: no run archives it, until somebody mends it."""
    orders = fill(db, count=60)
    victim = min(due(orders))
    db.orders.update_one({"_id": victim}, {"$set": {"user_id": 83.5}})
    for _ in range(CHECKS_TO_PERSON - 1):
        with pytest.raises(FilesDamaged, match=f"order {victim} differs from MongoDB"):
            archive(settings, db, POLICY, spark=spark)
    for times in (CHECKS_TO_PERSON, CHECKS_TO_PERSON + 1):
        with pytest.raises(NeedsPerson, match=f"{times} times in a row"):
            archive(settings, db, POLICY, spark=spark)
    assert db.orders.count_documents({}) == len(orders)
    db.orders.update_one({"_id": victim}, {"$set": {"user_id": orders[victim]["user_id"]}})
    assert archive(settings, db, POLICY, spark=spark)[0].state == RunState.DONE
    assert everything(settings, db) == expected(orders)


def test_a_published_run_is_committed_without_being_written_again(
    settings: Settings, db: MongoDatabase, spark: SparkSession
) -> None:
    """Its archiver ended between publishing and the commit; the next one checks the files that are there."""
    orders = fill(db, count=60)

    def fail() -> None:
        raise UnavailableError("the network is gone")

    with pytest.raises(UnavailableError):
        archive(settings, db, POLICY, spark=spark, progress=At("checked", fail))
    [published] = read_manifests(db)
    assert published.state == RunState.PUBLISHED
    [run] = archive(settings, db, POLICY, spark=spark)
    assert run.files == published.files
    assert everything(settings, db) == expected(orders)


@pytest.mark.parametrize("state", [RunState.WRITTEN, RunState.VERIFIED, RunState.COMMITTED])
def test_a_run_that_was_left_unchecked_starts_over(
    settings: Settings, db: MongoDatabase, spark: SparkSession, state: RunState
) -> None:
    """Older versions verified the staged files, and committed before the check; nothing of such a run was deleted."""
    orders = fill(db, count=60)
    with held_archiver(settings, db) as archiver:
        archive_to_commit(archiver, POLICY, spark=spark)
    older = {"$set": {"state": state, "verdict": None}, "$unset": {"failed_checks": ""}}
    db.archive_manifests.update_one({}, older)
    [left] = read_manifests(db)
    assert everything(settings, db) == expected(orders)
    [run] = archive(settings, db, POLICY, spark=spark)
    assert (run.run, run.state, run.rows) == (left.run, RunState.DONE, len(due(orders)))
    assert not set(run.files) & set(left.files)
    assert everything(settings, db) == expected(orders)
    assert listed(settings) == {file.path for file in run.files}


@pytest.mark.parametrize("damage", ["flipped byte", "truncated", "missing"])
@pytest.mark.parametrize("step", ["written", "published"])
def test_a_damaged_file_stops_the_run_and_the_next_one_repairs(
    settings: Settings, db: MongoDatabase, spark: SparkSession, step: str, damage: str
) -> None:
    """Until it is committed, nothing in MongoDB changes and nothing counts from the file."""
    orders = fill(db, count=120)
    hurt = At(step, lambda: hurt_a_file(settings, db, damage))
    with pytest.raises(UnavailableError, match="ecom archive"):
        archive(settings, db, POLICY, spark=spark, progress=hurt)
    assert hurt.happened
    assert db.orders.count_documents({}) == len(orders)
    assert everything(settings, db) == expected(orders)
    [run] = archive(settings, db, POLICY, spark=spark)
    assert run.rows == len(due(orders))
    assert everything(settings, db) == expected(orders)
    assert listed(settings) == {file.path for file in run.files}


@pytest.mark.parametrize("step", ["checked", "committed"])
def test_a_file_damaged_after_the_check_stops_the_purge(
    settings: Settings, db: MongoDatabase, spark: SparkSession, step: str
) -> None:
    """Writing it again could hide a loss: a person decides, and nothing was deleted."""
    orders = fill(db, count=120)
    with pytest.raises(NeedsPerson, match="damaged now"):
        archive(settings, db, POLICY, spark=spark, progress=At(step, lambda: hurt_a_file(settings, db, "truncated")))
    assert db.orders.count_documents({}) == len(orders)


def hurt_a_file(settings: Settings, db: MongoDatabase, damage: str) -> None:
    """Damage the first file of the unfinished run, staged or published."""
    client = connect_hdfs(settings)
    [run] = read_manifests(db)
    folder = ROOT if run.state in (RunState.PUBLISHED, RunState.COMMITTED) else staging_folder(run.run, run.token)
    path = min(s.path for s in client.list_status(folder, recursive=True) if s.path.endswith(".parquet"))
    content = bytearray(client.read(path).read())
    client.delete(path)
    if damage == "flipped byte":
        column = pq.ParquetFile(pa.BufferReader(bytes(content))).metadata.row_group(0).column(0)
        content[column.data_page_offset + column.total_compressed_size - 10] ^= 1
        put(settings, path, bytes(content))
    elif damage == "truncated":
        put(settings, path, bytes(content[:-50]))
