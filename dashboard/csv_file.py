"""Tables as CSV files that open safely in a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

Cell = str | int | float | Decimal | datetime | None
_BYTE_ORDER_MARK = "\ufeff"  # without it, Excel reads UTF-8 as the code page of the country
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(about: Iterable[tuple[str, Cell]], columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The facts about the table, one per line, an empty line, then the table.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers are written as they are,
    times as ISO in UTC, the unknown as nothing.
    """
    file = io.StringIO(_BYTE_ORDER_MARK)
    file.seek(0, io.SEEK_END)
    writer = csv.writer(file)
    writer.writerows([_text(cell) for cell in fact] for fact in about)
    writer.writerow([])
    writer.writerow([_text(column) for column in columns])
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return file.getvalue()


def units(cents: int | None) -> Decimal | None:
    """An amount in units of the currency, with its cents."""
    return None if cents is None else Decimal(cents).scaleb(-2)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
    return str(cell)
