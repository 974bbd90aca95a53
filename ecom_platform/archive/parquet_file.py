"""One Parquet file of orders: written from Arrow batches as they come, and the totals of its rows to compare.

Totals are taken from the very batches that go into the file, in the same pass: they describe the file, also while
orders change in MongoDB. Writing holds one batch of orders at a time, each a row group; reading back one row group and
the bytes of the file.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from ecom_platform.tabular.order_schema import ORDER_SCHEMA

FILE_SCHEMA: Final = ORDER_SCHEMA.remove(ORDER_SCHEMA.get_field_index("order_date"))
"""The columns of a file; the day is in its path."""

_BUFFER_BYTES: Final = 1_000_000

# DuckDB hashes an empty list like none, so lengths are hashed as well.
_TOTALS: Final = """
    SELECT count(*), coalesce(sum(hash), 0), coalesce(bit_xor(hash), 0)
    FROM (SELECT hash(orders, len(order_items), len(delivery.history)) AS hash FROM orders)
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows and a checksum of all their values, in any order; `Totals()` is of no rows.

    The checksum is the sum of the rows' hashes and their exclusive or: each sees changes that the other is blind to.
    """

    rows: int = 0
    checksum: str = "0:0"

    def __add__(self, other: Totals) -> Totals:
        """Of the rows of both together."""
        (total, xor), (other_total, other_xor) = self._hashes(), other._hashes()
        return Totals(self.rows + other.rows, f"{total + other_total}:{xor ^ other_xor}")

    def _hashes(self) -> tuple[int, int]:
        total, _, xor = self.checksum.partition(":")
        return int(total), int(xor)


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was written: path, what is in it, length, and the SHA-256 of its bytes in hex."""

    path: str
    totals: Totals
    bytes: int
    sha256: str


def write_orders_file(file_system: FileSystem, path: str, batches: Iterable[pa.RecordBatch]) -> Written | None:
    """Write orders to a Snappy file. Its folder is made; a file that has the name is replaced.

    Args:
        file_system: where `path` is.
        path: absolute. The caller makes sure that nothing else writes there.
        batches: of ORDER_SCHEMA; all of one day, which is part of `path` and not of the file.

    Returns:
        None when there are no rows: then there is no file.

    Raises:
        OSError: the file system failed; what is there under the name then is no whole file.
    """
    filled = (batch.drop_columns(["order_date"]) for batch in batches if batch.num_rows)
    first = next(filled, None)
    if first is None:
        return None
    totals = Totals()
    file_system.create_dir(path.rpartition("/")[0], recursive=True)
    # Without the buffer HDFS would get pieces of a few hundred bytes, as objects that it copies byte by byte.
    opened = file_system.open_output_stream(path, compression=None, buffer_size=_BUFFER_BYTES)
    with opened as stream:
        sink = _Hashing(stream)
        writer = pq.ParquetWriter(sink, FILE_SCHEMA, compression="snappy")
        for batch in chain([first], filled):
            totals += totals_of(batch)
            writer.write_batch(batch)
        writer.close()
    return Written(path, totals, sink.bytes, sink.sha256.hexdigest())


def read_totals(file_system: FileSystem, path: str) -> Totals:
    """Read a file back: the totals of the rows that are in it.

    Raises:
        OSError: the file system failed, the file is missing, or its pages are damaged.
        pa.ArrowInvalid: it is no whole Parquet file, or has other columns.
    """
    with file_system.open_input_file(path) as stream:
        parquet = pq.ParquetFile(pa.BufferReader(stream.read()))
    if not parquet.schema_arrow.equals(FILE_SCHEMA):
        raise pa.ArrowInvalid("it has other columns or types than the archive's schema")
    return sum(map(totals_of, parquet.iter_batches()), Totals())


def totals_of(rows: pa.RecordBatch | pa.Table) -> Totals:
    """The totals of rows of FILE_SCHEMA."""
    with _engine().cursor() as engine:
        engine.register("orders", rows)
        [(count, total, xor)] = engine.execute(_TOTALS).fetchall()
    return Totals(count, f"{total}:{xor}")


class _Hashing(io.RawIOBase):
    """Passes on what is written, and remembers its length and SHA-256."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._stream.write(content)
        self.sha256.update(content)
        self.bytes += len(content)
        return len(content)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One engine per process, of one thread: Spark runs tasks in parallel already."""
    return duckdb.connect(config={"threads": 1})
