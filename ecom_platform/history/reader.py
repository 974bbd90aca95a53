"""The light reader: hot and cold orders as Arrow batches of one schema, without a JVM.

Hot rows come from MongoDB at the snapshot's instant, cold ones from the files of its manifests through pyarrow over
HDFS. Every order comes exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from ecom_platform.archive.hdfs import archived_file_errors
from ecom_platform.archive.layout import ROOT, file_day
from ecom_platform.archive.parquet_reader import stored_batches, without_orders
from ecom_platform.contract.times import day_range
from ecom_platform.history.snapshot import HistorySnapshot
from ecom_platform.store.client import Document, MongoDatabase
from ecom_platform.store.cluster_time import database_at, instant_errors
from ecom_platform.store.collections import ORDERS
from ecom_platform.store.manifests import RunState
from ecom_platform.tabular.arrow_documents import arrow_batches
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

_EXPECTED: Final = "delivery.expected_time"
_STEPS: Final = "delivery.history.list.element.at"
_FARTHEST_PROMISE: Final = timedelta(days=366)  # the contract refuses promises farther away
# The contract refuses steps more than a day after Kafka's time, and Kafka times more than an hour after the broker's.
_FARTHEST_STEP: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Selection:
    """Orders placed in [start, end), and those promised or with a step in it when `promised` or `stepped`.

    Of these warehouses when given any.
    """

    start: datetime
    end: datetime
    promised: bool = False
    warehouses: tuple[int, ...] = ()
    stepped: bool = False

    def query(self) -> Document:
        """As a filter of MongoDB."""
        within = {"$gte": self.start, "$lt": self.end}
        either: list[Document] = [{"order_time": within}]
        if self.promised:
            either.append({_EXPECTED: within})
        if self.stepped:
            either.append({"delivery.history": {"$elemMatch": {"at": within}}})
        return {"$or": either, **({"warehouse_id": {"$in": list(self.warehouses)}} if self.warehouses else {})}

    def mask(self, batch: pa.RecordBatch) -> pa.Array:
        """Which rows of a batch are selected."""
        chosen = self._within(batch.column("order_time"))
        if self.promised:
            chosen = pc.or_(chosen, self._within(pc.struct_field(batch.column("delivery"), "expected_time")))
        if self.stepped:
            chosen = pc.or_(chosen, self._has_step(pc.struct_field(batch.column("delivery"), "history")))
        if self.warehouses:
            wanted = pa.array(self.warehouses, pa.int64())
            chosen = pc.and_(chosen, pc.is_in(batch.column("warehouse_id"), wanted))
        return chosen

    def takes(self, day: str, committed: datetime | None) -> bool:
        """Whether a file of this day, of a run that was committed at a time, may hold selected orders."""
        first, end = day_range(day)
        reach = _FARTHEST_PROMISE if self.promised else timedelta(0)
        near = first - reach < self.end and end + reach > self.start
        # Steps come long after the order, but none in a file is later than the file.
        return near or (self.stepped and (committed is None or committed + _FARTHEST_STEP > self.start))

    def row_groups(self, metadata: Any) -> list[int]:
        """The row groups of a file that may hold selected orders, by their statistics."""
        columns = ["order_time", *([_EXPECTED] if self.promised else []), *([_STEPS] if self.stepped else [])]
        return [
            number
            for number in range(metadata.num_row_groups)
            if any(self._overlaps(metadata.row_group(number), column) for column in columns)
        ]

    def _within(self, times: pa.Array) -> pa.Array:
        kind = times.type
        start, end = (pa.scalar(edge, kind) for edge in (self.start, self.end))
        return pc.fill_null(pc.and_(pc.greater_equal(times, start), pc.less(times, end)), False)

    def _has_step(self, histories: pa.ListArray) -> pa.Array:
        """Which histories have a step in the range."""
        within = self._within(pc.struct_field(histories.flatten(), "at"))
        found = np.zeros(len(histories), dtype=bool)
        found[pc.list_parent_indices(histories).filter(within).to_numpy()] = True
        return pa.array(found)

    def _overlaps(self, group: Any, path: str) -> bool:
        for number in range(group.num_columns):
            column = group.column(number)
            if column.path_in_schema == path:
                known = column.statistics
                if known is None or not known.has_min_max:
                    return True
                return bool(known.min < self.end and known.max >= self.start)
        return True


def hot_batches(
    db: MongoDatabase, snapshot: HistorySnapshot, schema: pa.Schema = ORDER_SCHEMA, selection: Selection | None = None
) -> Iterator[pa.RecordBatch]:
    """The selected hot orders at the snapshot's instant.

    Args:
        schema: the columns wanted, a part of ORDER_SCHEMA.
        selection: None: all.

    Raises:
        InstantExpired: reading took longer than the server keeps the instant; begin again with a new snapshot.
        UnavailableError: MongoDB does not answer.
    """
    orders = database_at(db, snapshot.at)[ORDERS]
    with instant_errors("reading the hot orders"):
        yield from arrow_batches(orders, schema, selection.query() if selection else {}, id_column="order_id")


def cold_batches(
    file_system: FileSystem,
    snapshot: HistorySnapshot,
    schema: pa.Schema = ORDER_SCHEMA,
    selection: Selection | None = None,
) -> Iterator[pa.RecordBatch]:
    """The selected cold orders: rows of the manifests' files without those that count elsewhere.

    Args:
        file_system: HDFS, as `archive.hdfs.arrow_file_system` or `archive.rows.open_archive` give it.
        schema: the columns wanted, a part of ORDER_SCHEMA that has `order_id` (and those a selection looks at).
        selection: None: all.

    Raises:
        UnavailableError: HDFS does not answer, or a file of a manifest is missing or damaged.
    """
    for manifest in snapshot.cold:
        excluded = snapshot.excluded(manifest)
        for file in manifest.files:
            if selection is None or selection.takes(file_day(file.path), manifest.times.get(RunState.COMMITTED)):
                for batch in _file_batches(file_system, file.path, schema, selection):
                    kept = without_orders(batch, excluded)
                    if kept.num_rows:
                        yield kept


def _file_batches(
    file_system: FileSystem, path: str, schema: pa.Schema, selection: Selection | None
) -> Iterator[pa.RecordBatch]:
    with archived_file_errors(path), file_system.open_input_file(f"{ROOT}/{path}") as opened:
        file = pq.ParquetFile(opened, pre_buffer=True)
        groups = selection.row_groups(file.metadata) if selection else None
        for rows in stored_batches(file, file_day(path), schema, groups):
            yield rows.filter(selection.mask(rows)) if selection else rows
