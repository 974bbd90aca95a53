"""What the check of published files finds, and that it passes files as they should be."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver, held_archiver
from ecom_platform.archive.check import Checked, check
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.parquet_file import FILE_SCHEMA, totals_of
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.manifests import ArchivedFile, RunState
from ecom_platform_tests.archive.handmade import manifest, put
from ecom_platform_tests.archive.moving import fill
from ecom_platform_tests.kpi.stored import NOW

pytestmark = pytest.mark.usefixtures("empty_archive")

DAY = f"{NOW - timedelta(days=2):%Y-%m-%d}"
PATH = f"order_date={DAY}/part-a-1-00000.snappy.parquet"


@pytest.fixture
def archiver(settings: Settings, db: MongoDatabase) -> Iterator[Archiver]:
    """One that holds the role, in a shop with orders of some days."""
    fill(db)
    with held_archiver(settings, db) as archiver:
        yield archiver


@pytest.fixture
def rows(archiver: Archiver, db: MongoDatabase) -> pa.Table:
    """The orders of DAY as rows of a file, made without the archive's own code."""
    orders = [{**order, "order_id": order["_id"]} for order in db.orders.find({"order_date": DAY}).sort("_id")]
    return pa.Table.from_pylist(orders, schema=FILE_SCHEMA)


def checked(archiver: Archiver, rows: pa.Table, content: bytes) -> Checked:
    """What the check says of a run that says it wrote `rows`, with one file whose bytes are those of its manifest."""
    put(archiver.settings, f"{ROOT}/{PATH}", content)
    file = ArchivedFile(PATH, len(content), rows.num_rows, hashlib.sha256(content).hexdigest())
    written = {"token": archiver.token, "days": (DAY,), "checksum": totals_of(rows).checksum}
    return check(archiver, manifest(file, run="a", state=RunState.PUBLISHED, epoch=0, **written))


def parquet(rows: pa.Table, **options: Any) -> bytes:
    """The bytes of a file."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, **{"compression": "snappy", **options})
    return bytes(sink.getvalue())


def changed(rows: pa.Table, name: str, value: Any) -> pa.Table:
    """The rows with another column."""
    return rows.set_column(rows.column_names.index(name), name, value)


def test_files_as_they_should_be_pass_with_the_ids_that_were_read(archiver: Archiver, rows: pa.Table) -> None:
    """In one row group or many."""
    for size in (rows.num_rows, 7):
        found = checked(archiver, rows, parquet(rows, row_group_size=size))
        assert found.differences == ()
        assert found.ids == BitMap64(rows.column("order_id").to_pylist())


def test_other_values_are_found(archiver: Archiver, rows: pa.Table) -> None:
    """The sum over the values, the sample against MongoDB, and for amounts every order."""
    other = checked(archiver, rows, parquet(changed(rows, "user_id", pc.add(rows.column("user_id"), 1))))
    assert any("other values than were written" in found for found in other.differences)
    assert f"order {rows.column('order_id')[0]} differs from MongoDB" in other.differences

    cents = checked(archiver, rows, parquet(changed(rows, "total_cents", pc.add(rows.column("total_cents"), 1))))
    assert f"total_cents of {rows.num_rows} orders differs from MongoDB" in cents.differences


def test_missing_and_repeated_rows_are_found(archiver: Archiver, rows: pa.Table) -> None:
    """By their number, and by their ids."""
    fewer = checked(archiver, rows, parquet(rows.slice(1)))
    assert f"the files hold {rows.num_rows - 1} orders, the manifest says {rows.num_rows}" in fewer.differences
    twice = checked(archiver, rows, parquet(pa.concat_tables([rows.slice(1), rows.slice(1, 1)])))
    assert "1 orders are in the files twice" in twice.differences


def test_orders_that_mongodb_does_not_have_are_found(archiver: Archiver, db: MongoDatabase, rows: pa.Table) -> None:
    """None can be gone before the purge, and none can have become older."""
    gone, older = rows.column("order_id")[0].as_py(), rows.column("order_id")[1].as_py()
    db.orders.delete_one({"_id": gone})
    db.orders.update_one({"_id": older}, {"$inc": {"version": -1}})
    found = checked(archiver, rows, parquet(rows))
    assert "1 orders of the files are not in MongoDB although nothing was purged" in found.differences
    assert "1 orders are older in MongoDB than in the files" in found.differences


def test_files_that_mislead_readers_are_found(archiver: Archiver, rows: pa.Table) -> None:
    """Another day, another compression, other types, a footer with other values, and no Parquet at all."""
    tomorrow = changed(rows, "order_time", pc.add(rows.column("order_time"), pa.scalar(timedelta(days=1))))
    narrow = changed(rows, "quantity", rows.column("quantity").cast(pa.int16()))
    content = parquet(rows)
    footer = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    most = struct.pack("<q", pc.max(rows.column("total_cents")).as_py())
    assert most in content[footer:]
    lying = content[:footer] + content[footer:].replace(most, struct.pack("<q", 1))
    for bad, words in (
        (parquet(tomorrow), "holds orders of another day"),
        (parquet(rows, compression="gzip"), "is not compressed with Snappy"),
        (parquet(narrow), "has other columns or types than the archive's schema"),
        (lying, "promises other values in its footer than it holds"),
        (b"PAR1 but nothing more PAR1", "is no Parquet file that can be read"),
    ):
        assert any(f"{PATH} {words}" in found for found in checked(archiver, rows, bad).differences), words
