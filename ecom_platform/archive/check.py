"""The independent check of published files, before they count: no Spark, other code than the one that wrote them.

What it compares: every file's bytes, rows, values, schema, footer and day with the manifest; every order's amounts with
its hot row of the same version; and a sample of orders value by value with MongoDB's own documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import Any, Final, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.files import FilesDamaged, read_archived
from ecom_platform.archive.layout import ROOT, file_day
from ecom_platform.archive.parquet_file import FILE_SCHEMA, Totals, totals_of
from ecom_platform.archive.transition import advance
from ecom_platform.contract.times import day_range
from ecom_platform.errors import NeedsPerson
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import ORDERS
from ecom_platform.store.manifests import ArchivedFile, Manifest
from ecom_platform.tabular.arrow_documents import arrow_batches

SAMPLE: Final = 200
SHOWN: Final = 5
CHECKS_TO_PERSON: Final = 3
AMOUNTS: Final = ("quantity", "subtotal_cents", "discount_cents", "total_cents")

_HOT: Final = pa.schema([("order_id", pa.int64()), ("version", pa.int32()), *((name, pa.int64()) for name in AMOUNTS)])


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of a run found: the orders in its files, and what is not as it should be, in words."""

    ids: BitMap64
    differences: tuple[str, ...]
    text: str

    @property
    def passed(self) -> bool:
        """Whether the files may count."""
        return not self.differences

    def to_document(self) -> Document:
        """The verdict, for a manifest."""
        return {"passed": self.passed, "at": datetime.now(UTC), "text": self.text}


def check(archiver: Archiver, manifest: Manifest) -> Checked:
    """Check the files of a published run.

    Raises:
        UnavailableError: MongoDB or HDFS do not answer; nothing is known about the files.
        Fenced: another archiver took over.
    """
    reading = _Reading(manifest)
    for number, file in enumerate(manifest.files):
        archiver.say("checked", number, len(manifest.files) + 1)
        reading.add(archiver, file)
    differences = tuple(reading.differences(archiver.db))
    found = "; ".join(differences[:SHOWN])
    text = found or f"{manifest.rows:,} orders in {len(manifest.files)} files are as in MongoDB"
    archiver.say("checked")
    return Checked(reading.ids, differences, text)


def refuse(archiver: Archiver, manifest: Manifest, checked: Checked) -> NoReturn:
    """Record that a run failed its check. It counts for nothing, and starts from the beginning when it is run again.

    Raises:
        FilesDamaged: always, except
        NeedsPerson: when it failed CHECKS_TO_PERSON times in a row.
        UnavailableError: MongoDB does not answer; the next run checks again.
        Fenced: another archiver took over.
    """
    failed = manifest.failed_checks + 1
    advance(archiver.db, manifest, manifest.state, verdict=checked.to_document(), failed_checks=failed)
    what = (
        f"The archive run {manifest.run} failed its check: {checked.text}. Its files count for nothing, every order is "
        "still in MongoDB."
    )
    if failed < CHECKS_TO_PERSON:
        raise FilesDamaged(f"{what} Run `ecom archive` again: it writes them again.")
    raise NeedsPerson(
        f"{what} It failed {failed} times in a row. Look whether HDFS or a disk is damaged (`hdfs fsck /ecommerce`) "
        "and whether a program changes orders and not their version; then run `ecom archive` again."
    )


class _Reading:
    """The files of a run as they are read, each once: one in memory at a time, and of all orders only the amounts."""

    def __init__(self, manifest: Manifest) -> None:
        self.ids = BitMap64()
        self._manifest = manifest
        self._totals = Totals()
        self._orders: list[pa.Table] = []
        self._sample: list[Document] = []
        self._step = max(1, manifest.rows // SAMPLE)
        self._unread: list[str] = []
        self._damaged: list[str] = []

    def add(self, archiver: Archiver, file: ArchivedFile) -> None:
        """Read a file. Raises UnavailableError."""
        try:
            content = read_archived(archiver.hdfs, ROOT, file)
            parquet = pq.ParquetFile(pa.BufferReader(content))
            rows = parquet.read()
        except FilesDamaged as error:
            self._unread.append(str(error).partition(". ")[0])
            return
        except (pa.ArrowException, OSError) as error:
            self._unread.append(f"{file.path} is no Parquet file that can be read: {str(error).splitlines()[0][:200]}")
            return
        if not parquet.schema_arrow.equals(FILE_SCHEMA):
            self._unread.append(f"{file.path} has other columns or types than the archive's schema")
            return
        self._damaged += _file_differences(file, parquet.metadata, rows)
        self._sample += rows.take(list(range(-self._totals.rows % self._step, rows.num_rows, self._step))).to_pylist()
        self._totals += totals_of(rows)
        self._orders.append(rows.select(_HOT.names))
        self.ids |= BitMap64(rows.column("order_id").to_numpy())

    def differences(self, db: MongoDatabase) -> Iterator[str]:
        """What is not as it should be. Raises UnavailableError."""
        yield from self._unread
        yield from self._damaged
        if self._unread:
            return
        rows, expected = self._totals.rows, self._manifest
        if len(self.ids) != rows:
            yield f"{rows - len(self.ids):,} orders are in the files twice"
        if rows != expected.rows:
            yield f"the files hold {rows:,} orders, the manifest says {expected.rows:,}"
        elif self._totals.checksum != expected.checksum:
            yield f"the files hold other values than were written (checksum {self._totals.checksum})"
        orders = pa.concat_tables([*self._orders, _HOT.empty_table()])
        yield from _row_differences(db, expected, orders)
        yield from _sample_differences(db, self._sample)


def _file_differences(file: ArchivedFile, metadata: pq.FileMetaData, rows: pa.Table) -> Iterator[str]:
    if metadata.num_rows != file.rows:
        yield f"{file.path} has {metadata.num_rows:,} rows, its manifest says {file.rows:,}"
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if any(group.column(0).compression != "SNAPPY" for group in groups):
        yield f"{file.path} is not compressed with Snappy"
    edges = pairwise(accumulate((group.num_rows for group in groups), initial=0))
    if any(_misleads(group, rows.slice(start, end - start)) for group, (start, end) in zip(groups, edges, strict=True)):
        yield f"{file.path} promises other values in its footer than it holds"
    start, end = day_range(file_day(file.path))
    times = rows.column("order_time")
    if len(times) and not (start <= pc.min(times).as_py() and pc.max(times).as_py() < end):
        yield f"{file.path} holds orders of another day"


def _misleads(group: pq.RowGroupMetaData, rows: pa.Table) -> bool:
    """Whether a smallest or largest value in the footer is wrong: readers skip whole files by them."""
    for column in map(group.column, range(group.num_columns)):
        if column.path_in_schema not in (*AMOUNTS, "order_id", "order_time"):
            continue
        if column.is_stats_set and column.statistics.has_min_max:
            found = pc.min_max(rows.column(column.path_in_schema)).as_py()
            if (column.statistics.min, column.statistics.max) != (found["min"], found["max"]):
                return True
    return False


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


def _sample_differences(db: MongoDatabase, rows: Sequence[Document]) -> Iterator[str]:
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
