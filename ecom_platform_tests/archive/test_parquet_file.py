"""One file of orders, written and read back: the totals see every change of a value, and no change of the order."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import LocalFileSystem

from ecom_platform.archive.parquet_file import FILE_SCHEMA, Totals, read_totals, write_orders_file
from ecom_platform.tabular.order_schema import ORDER_SCHEMA
from ecom_platform_tests.kpi.stored import random_order

Row = dict[str, Any]

FILES = LocalFileSystem()


def some_rows(count: int, seed: int = 1) -> list[Row]:
    """Random orders as rows of the archive; every tenth has unknown fields."""
    chance = random.Random(seed)
    rows = []
    for number in range(1, count + 1):
        order = random_order(chance, number, days=1)
        order |= {"order_id": number, "version": 1, "src": {"partition": 0, "offset": number}}
        rows.append(order | ({"extra": "{}"} if number % 10 == 0 else {}))
    return rows


def batches(rows: list[Row], size: int) -> list[pa.RecordBatch]:
    """The rows in batches of a size."""
    return pa.Table.from_pylist(rows, schema=ORDER_SCHEMA).to_batches(max_chunksize=size)


def totals(rows: list[Row], folder: Path, size: int = 1_000) -> Totals:
    """Of a file with these rows, as it was written and as it is read."""
    path = f"{folder}/order_date=2026-11-22/rows.parquet"
    written = write_orders_file(FILES, path, batches(rows, size))
    assert written is not None
    assert read_totals(FILES, path) == written.totals
    return written.totals


def test_a_file_holds_the_rows_without_their_day_in_snappy(tmp_path: Path) -> None:
    """What is said about it is true of its bytes."""
    rows, path = some_rows(2_500), f"{tmp_path}/new/rows.parquet"
    written = write_orders_file(FILES, path, batches(rows, 1_000))
    content = Path(path).read_bytes()
    assert written is not None
    assert (written.path, written.totals.rows) == (path, 2_500)
    assert (written.bytes, written.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    parquet = pq.ParquetFile(path)
    assert parquet.schema_arrow == FILE_SCHEMA
    assert parquet.read().to_pylist() == pa.Table.from_pylist(rows, schema=FILE_SCHEMA).to_pylist()
    assert {parquet.metadata.row_group(group).column(0).compression for group in range(3)} == {"SNAPPY"}


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    """Not even a folder; and the totals of nothing change no sum."""
    empty = ORDER_SCHEMA.empty_table().to_batches() + batches([], 10)
    assert write_orders_file(FILES, f"{tmp_path}/day/none.parquet", empty) is None
    assert list(tmp_path.iterdir()) == []
    assert Totals() + Totals(3, "70:5") == Totals(3, "70:5")


def test_totals_do_not_depend_on_order_or_batches_or_files(tmp_path: Path) -> None:
    """Shuffled, cut elsewhere, in two files: the same."""
    rows = some_rows(600)
    whole = totals(rows, tmp_path)
    shuffled = random.Random(7).sample(rows, len(rows))
    assert totals(shuffled, tmp_path, size=7) == whole
    assert totals(shuffled[:200], tmp_path) + totals(shuffled[200:], tmp_path) == whole
    assert whole.rows == 600


def put(name: str, value: Any) -> Callable[[Row], Row]:
    """Give a column another value."""
    return lambda row: row | {name: value}


def nested(name: str, value: Any) -> Callable[[Row], Row]:
    """Give a field of the delivery another value."""
    return lambda row: row | {"delivery": row["delivery"] | {name: value}}


def line(name: str, value: Any) -> Callable[[Row], Row]:
    """Give a field of the first line another value."""
    return lambda row: row | {"order_items": [row["order_items"][0] | {name: value}, *row["order_items"][1:]]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (put("discount_cents", 0), put("discount_cents", 1)),
        (put("discount_cents", 0), put("discount_cents", None)),
        (put("extra", ""), put("extra", None)),
        (put("order_items", []), put("order_items", None)),
        (nested("history", []), nested("history", None)),
        (nested("actual_time", None), nested("courier_name", None)),
        (nested("delivery_id", 0), nested("delivery_id", None)),
        (line("net_cents", 0), line("net_cents", None)),
        (line("price_cents", 5), line("net_cents", 5)),
        (line("category", "a"), line("category", "b")),
        (lambda row: row, lambda row: row | {"order_items": row["order_items"][::-1]}),
        (lambda row: row, lambda row: row | {"order_items": row["order_items"][1:]}),
        (lambda row: row, lambda row: row | {"user_id": row["warehouse_id"], "warehouse_id": row["user_id"]}),
    ],
)
def test_a_checksum_sees_one_changed_value(
    tmp_path: Path, before: Callable[[Row], Row], after: Callable[[Row], Row]
) -> None:
    """One of many rows; null is not zero, nor the empty list none, nor the lines another way round the same."""
    rows = some_rows(50)
    number = next(number for number, row in enumerate(rows) if _two_different_lines(row))
    one, other = before(rows[number]), after(rows[number])
    first = totals([*rows[:number], one, *rows[number + 1 :]], tmp_path)
    second = totals([*rows[:number], other, *rows[number + 1 :]], tmp_path)
    assert first.rows == second.rows
    assert first.checksum != second.checksum


def test_a_row_twice_is_not_no_row_and_a_lost_one_is_seen(tmp_path: Path) -> None:
    """Pairs do not cancel each other, as they would in an exclusive or."""
    rows = some_rows(20)
    found = {totals(some, tmp_path).checksum for some in (rows, rows[1:], [*rows, rows[0], rows[0]], [*rows, rows[0]])}
    assert len(found) == 4


@pytest.mark.parametrize("keep", [0.5, 0.99, 0.0])
def test_a_cut_file_cannot_be_read_back(tmp_path: Path, keep: float) -> None:
    """It never reads as fewer rows."""
    path = f"{tmp_path}/rows.parquet"
    written = write_orders_file(FILES, path, batches(some_rows(100), 40))
    assert written is not None
    Path(path).write_bytes(Path(path).read_bytes()[: int(written.bytes * keep)])
    with pytest.raises((OSError, pa.ArrowInvalid)):
        read_totals(FILES, path)


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    """A type that is wider is another one."""
    table = pa.Table.from_pylist(some_rows(10), schema=FILE_SCHEMA)
    wider = table.set_column(table.schema.get_field_index("version"), "version", table.column("version").cast("int64"))
    pq.write_table(wider, tmp_path / "wider.parquet")
    with pytest.raises(pa.ArrowInvalid, match="other columns"):
        read_totals(FILES, f"{tmp_path}/wider.parquet")


def test_batches_are_taken_one_at_a_time(tmp_path: Path) -> None:
    """The one before is in the file when the next is asked for: memory is bounded by a batch."""
    path, sizes = tmp_path / "rows.parquet", []

    def growing() -> Any:
        for batch in batches(some_rows(30_000), 10_000):
            yield batch
            sizes.append(path.stat().st_size)

    write_orders_file(FILES, str(path), growing())
    assert sizes == sorted(set(sizes))
    assert sizes[0] > 0


def _two_different_lines(row: Mapping[str, Any]) -> bool:
    lines = row["order_items"]
    return len(lines) > 1 and lines[0] != lines[-1]
