"""The independent check of a committed run, before anything is deleted: no Spark, other code, the published files.

What it compares: every file's bytes, rows and schema with the manifest; the ids with `archived_ids`; every order's
amounts with its hot row of the same version; and a sample of orders value by value with MongoDB's own documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.files import FilesDamaged, read_archived
from ecom_platform.archive.layout import ROOT, file_day
from ecom_platform.archive.parquet_file import FILE_SCHEMA
from ecom_platform.archive.policy import day_range
from ecom_platform.archive.transition import advance, next_epoch
from ecom_platform.store.archived import read_run_ids
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVED_IDS, ORDERS
from ecom_platform.store.manifests import Manifest, RunState
from ecom_platform.store.transactions import in_transaction
from ecom_platform.tabular.arrow_documents import arrow_batches

SAMPLE: Final = 200
SHOWN: Final = 5
AMOUNTS: Final = ("quantity", "subtotal_cents", "discount_cents", "total_cents")

_HOT: Final = pa.schema([("order_id", pa.int64()), ("version", pa.int32()), *((name, pa.int64()) for name in AMOUNTS)])


def check(archiver: Archiver, manifest: Manifest) -> Manifest:
    """Judge a committed run; the verdict goes into its manifest. A run that fails is REVOKED: its files stop counting.

    Raises:
        UnavailableError: MongoDB or HDFS do not answer; no verdict was given.
        Fenced: another archiver took over.
    """
    found = list(differences(archiver, manifest))
    text = "; ".join(found[:SHOWN]) or f"{manifest.rows:,} orders in {len(manifest.files)} files are as in MongoDB"
    verdict = {"passed": not found, "at": datetime.now(UTC), "text": text}
    if not found:
        return advance(archiver.db, manifest, manifest.state, verdict=verdict)

    def revoke(session: ClientSession) -> Manifest:
        epoch = next_epoch(archiver.db, session)
        archiver.db[ARCHIVED_IDS].delete_many({"run": manifest.run}, session=session)
        return advance(archiver.db, manifest, RunState.REVOKED, session=session, verdict=verdict, epoch=epoch)

    return in_transaction(archiver.db, f"revoking the archive run {manifest.run}", revoke)


def differences(archiver: Archiver, manifest: Manifest) -> Iterator[str]:
    """What is not as it should be, in words. Raises UnavailableError."""
    tables = []
    for number, file in enumerate(manifest.files):
        try:
            content = read_archived(archiver.hdfs, ROOT, file)
        except FilesDamaged as error:
            yield str(error).partition(". ")[0]
            continue
        parquet = pq.ParquetFile(pa.BufferReader(content))
        yield from _file_differences(file.path, file.rows, parquet)
        tables.append(parquet.read())
        archiver.say("checked", number, len(manifest.files) + 1)
    if len(tables) != len(manifest.files):
        return
    cold = pa.concat_tables(tables) if tables else FILE_SCHEMA.empty_table()
    yield from _id_differences(archiver.db, manifest, cold)
    yield from _row_differences(archiver.db, manifest, cold)
    yield from _sample_differences(archiver.db, cold)


def _file_differences(path: str, rows: int, parquet: pq.ParquetFile) -> Iterator[str]:
    metadata = parquet.metadata
    if metadata.num_rows != rows:
        yield f"{path} has {metadata.num_rows:,} rows, its manifest says {rows:,}"
    if not parquet.schema_arrow.equals(FILE_SCHEMA):
        yield f"{path} has other columns or types than the archive's schema"
        return
    groups = range(metadata.num_row_groups)
    if any(metadata.row_group(group).column(0).compression != "SNAPPY" for group in groups):
        yield f"{path} is not compressed with Snappy"
    if any(_misleads(parquet, group) for group in groups):
        yield f"{path} promises other values in its footer than it holds"
    start, end = day_range(file_day(path))
    times = parquet.read(columns=["order_time"]).column("order_time")
    if len(times) and not (start <= pc.min(times).as_py() and pc.max(times).as_py() < end):
        yield f"{path} holds orders of another day"


def _misleads(parquet: pq.ParquetFile, group: int) -> bool:
    """Whether a smallest or largest value in the footer is wrong: readers skip whole files by them."""
    columns = [parquet.metadata.row_group(group).column(number) for number in range(parquet.metadata.num_columns)]
    rows = parquet.read_row_group(group, columns=[*AMOUNTS, "order_id", "order_time"])
    for column in columns:
        if column.path_in_schema in rows.column_names and column.is_stats_set and column.statistics.has_min_max:
            found = pc.min_max(rows.column(column.path_in_schema)).as_py()
            if (column.statistics.min, column.statistics.max) != (found["min"], found["max"]):
                return True
    return False


def _id_differences(db: MongoDatabase, manifest: Manifest, cold: pa.Table) -> Iterator[str]:
    with mongo_errors("reading the ids of an archive run"):
        recorded = read_run_ids(db, manifest.run)
    ids = BitMap64(cold.column("order_id").to_numpy())
    if len(ids) != cold.num_rows:
        yield f"{cold.num_rows - len(ids):,} orders are in the files twice"
    if cold.num_rows != manifest.rows:
        yield f"the files hold {cold.num_rows:,} orders, the manifest says {manifest.rows:,}"
    if ids != recorded:
        yield f"{len(ids ^ recorded):,} ids differ between the files and what is recorded as archived"


def _row_differences(db: MongoDatabase, manifest: Manifest, cold: pa.Table) -> Iterator[str]:
    """Amounts of every order whose hot row has not changed since; a hot row may only be newer, and none is gone."""
    hot = _hot_amounts(db, manifest)
    theirs = hot.rename_columns([name if name == "order_id" else f"hot_{name}" for name in hot.column_names])
    joined = cold.select(_HOT.names).join(theirs, "order_id", join_type="left outer")
    missing = pc.is_null(joined.column("hot_version"))
    if gone := pc.sum(missing).as_py() or 0:
        yield f"{gone:,} orders of the files are not in MongoDB although nothing was purged"
    older = pc.less(joined.column("hot_version"), joined.column("version"))
    if count := pc.sum(older).as_py() or 0:
        yield f"{count:,} orders are older in MongoDB than in the files"
    same = joined.filter(pc.equal(joined.column("hot_version"), joined.column("version")))
    for name in AMOUNTS:
        unequal = pc.not_equal(same.column(name), same.column(f"hot_{name}"))
        if count := pc.sum(unequal).as_py() or 0:
            yield f"{name} of {count:,} orders differs from MongoDB"


def _hot_amounts(db: MongoDatabase, manifest: Manifest) -> pa.Table:
    if not manifest.days:
        return _HOT.empty_table()
    span = {"$gte": day_range(manifest.days[0])[0], "$lt": day_range(manifest.days[-1])[1]}
    with mongo_errors("reading the orders to compare the archive with"):
        batches = list(arrow_batches(db[ORDERS], _HOT, {"order_time": span}, id_column="order_id"))
    return pa.Table.from_batches(batches, schema=_HOT)


def _sample_differences(db: MongoDatabase, cold: pa.Table) -> Iterator[str]:
    step = max(1, cold.num_rows // SAMPLE)
    rows = cold.take(list(range(0, cold.num_rows, step))).to_pylist()
    with mongo_errors("reading a sample of orders"):
        hot = {row["_id"]: row for row in db[ORDERS].find({"_id": {"$in": [row["order_id"] for row in rows]}})}
    for row in rows:
        document = hot.get(row["order_id"])
        if document is not None and document["version"] == row["version"] and _as_archived(document) != row:
            yield f"order {row['order_id']} differs from MongoDB"


def _as_archived(document: Mapping[str, Any]) -> Document:
    """A document as a row of the archive: `_id` is the order, what is missing is null."""
    values = {**document, "order_id": document["_id"]}
    return {field.name: _value(values.get(field.name), field.type) for field in FILE_SCHEMA}


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _value(value.get(field.name), field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_value(item, kind.value_type) for item in value]
    return value
