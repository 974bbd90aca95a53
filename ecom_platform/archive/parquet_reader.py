"""What a file of the archive holds, in the columns of today, whichever version of the schema it was written with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap64

from ecom_platform.tabular.arrow_documents import conformed
from ecom_platform.tabular.order_schema import ORDER_SCHEMA


def stored_batches(
    file: pq.ParquetFile, day: str, schema: pa.Schema = ORDER_SCHEMA, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """The orders of a file, some ten thousand at a time; raises what pyarrow raises.

    Args:
        day: of the file: `order_date` is a part of its path, no column.
        schema: the columns wanted, a part of ORDER_SCHEMA; null where the file does not have one.
        groups: only these row groups.
    """
    columns = [leaf for field in schema for leaf in _leaves(field.name, field.type) if field.name != "order_date"]
    groups = range(file.metadata.num_row_groups) if groups is None else groups
    for batch in file.iter_batches(row_groups=list(groups), columns=columns, use_threads=False) if groups else ():
        yield _in_schema(batch, schema, day)


def without_orders(batch: pa.RecordBatch, ids: BitMap64) -> pa.RecordBatch:
    """The other orders of a batch."""
    if not ids or not batch.num_rows:
        return batch
    gone = np.isin(batch.column("order_id").to_numpy(), np.fromiter(ids, np.int64, len(ids)))
    return batch.filter(pa.array(~gone)) if gone.any() else batch


def _in_schema(batch: pa.RecordBatch, schema: pa.Schema, day: str) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        if field.name == "order_date":
            arrays.append(pa.repeat(pa.scalar(day, field.type), batch.num_rows))
        elif field.name in batch.schema.names:
            arrays.append(conformed(batch.column(field.name), field.type))
        else:  # a column that this file's version did not have yet
            arrays.append(pa.nulls(batch.num_rows, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path
