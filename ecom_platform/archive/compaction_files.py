"""The files of a compaction: the rows of a day that count, read from where they are and written to new files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import count, islice
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from hdfs_native import Client
from pyarrow.fs import FileSystem
from pyroaring import BitMap64

from ecom_platform.archive.compaction_plan import FILE_ROWS, CompactedDay
from ecom_platform.archive.files import FilesDamaged, read_archived
from ecom_platform.archive.hdfs import archived_file_errors, hdfs_errors, patiently
from ecom_platform.archive.layout import ROOT, published_path, staging_folder
from ecom_platform.archive.parquet_file import Totals, read_totals, write_orders_file
from ecom_platform.archive.parquet_reader import stored_batches, without_orders
from ecom_platform.errors import AccountingError
from ecom_platform.store.manifests import ArchivedFile, Manifest

GROUP_ROWS: Final = 50_000


def count_superseded(file_system: FileSystem, manifest: Manifest, file: ArchivedFile) -> int:
    """Rows of a file that count elsewhere. Raises UnavailableError."""
    with archived_file_errors(file.path):
        column = pq.read_table(f"{ROOT}/{file.path}", columns=["order_id"], filesystem=file_system).column("order_id")
    return len(BitMap64(column.to_numpy()) & manifest.superseded)


class DayRows:
    """The rows of a day that count.

    Attributes:
        kept: ids of the rows that `batches` gave, by the run whose files held them.
        left_out: ids of those that count elsewhere, likewise.
    """

    def __init__(self, hdfs: Client, day: CompactedDay, manifests: Mapping[str, Manifest]) -> None:
        self.day = day
        self.kept: defaultdict[str, BitMap64] = defaultdict(BitMap64)
        self.left_out: defaultdict[str, BitMap64] = defaultdict(BitMap64)
        self._hdfs = hdfs
        self._manifests = manifests
        self._rows = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """In batches as large as a row group, however the files are cut. Raises FilesDamaged, UnavailableError."""
        return _regrouped(self._read())

    def distinct_ids(self) -> BitMap64:
        """All ids of `kept`. Raises AccountingError when an order came twice."""
        ids = BitMap64.union(BitMap64(), *self.kept.values())
        if len(ids) != self._rows:
            raise AccountingError(
                f"{self._rows - len(ids):,} orders of {self.day.day} count twice in the archive. Nothing was changed, "
                "the day stays as it is. `ecom reconcile` says what else does not add up."
            )
        return ids

    def _read(self) -> Iterator[pa.RecordBatch]:
        for held in self.day.held:
            # Compared with its checksum first: what was damaged must not get a new one.
            content = read_archived(self._hdfs, ROOT, held.file)
            superseded = self._manifests[held.run].superseded
            with archived_file_errors(held.file.path):
                for batch in stored_batches(pq.ParquetFile(pa.BufferReader(content)), self.day.day):
                    kept = without_orders(batch, superseded)
                    self._rows += kept.num_rows
                    self.kept[held.run] |= BitMap64(kept.column("order_id").to_numpy())
                    self.left_out[held.run] |= BitMap64(batch.column("order_id").to_numpy()) & superseded
                    yield kept


def write_files(file_system: FileSystem, run: str, token: int, rows: DayRows) -> tuple[list[ArchivedFile], Totals]:
    """Write a day's rows into the staging folder and read them back; the files, and what is in them.

    Raises:
        FilesDamaged: a file does not hold what was written, or one that was read is not what its manifest says.
        UnavailableError: HDFS does not answer.
    """
    batches, files, totals = rows.batches(), list[ArchivedFile](), Totals()
    folder = staging_folder(run, token)
    for number in count():
        path = published_path(run, token, rows.day.day, number)
        with hdfs_errors(f"writing {folder}/{path}"):
            written = write_orders_file(file_system, f"{folder}/{path}", islice(batches, FILE_ROWS // GROUP_ROWS))
        if written is None:
            break
        with archived_file_errors(path):
            found = patiently(partial(read_totals, file_system, written.path), path)
        if found != written.totals:
            raise FilesDamaged(
                f"{written.path} holds {found.rows:,} orders with checksum {found.checksum}; written were "
                f"{written.totals.rows:,} with {written.totals.checksum}. It counts for nothing; run `ecom archive` "
                "again: it rewrites the day."
            )
        files.append(ArchivedFile(path, written.bytes, written.totals.rows, written.sha256))
        totals += written.totals
    return files, totals


def published_ids(hdfs: Client, files: Iterable[ArchivedFile]) -> BitMap64:
    """The orders in published files, whose bytes are those that were written. Raises FilesDamaged, UnavailableError."""
    ids = BitMap64()
    for file in files:
        with archived_file_errors(file.path):
            content = pa.BufferReader(read_archived(hdfs, ROOT, file))
            ids |= BitMap64(pq.read_table(content, columns=["order_id"]).column("order_id").to_numpy())
    return ids


def _regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= GROUP_ROWS:
            table = pa.Table.from_batches(waiting)
            *whole, (start, rest) = [(start, min(GROUP_ROWS, rows - start)) for start in range(0, rows, GROUP_ROWS)]
            yield from (_one_batch(table.slice(*part)) for part in whole)
            waiting, rows = table.slice(start, rest).to_batches(), rest
    if rows:
        yield _one_batch(pa.Table.from_batches(waiting))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]
