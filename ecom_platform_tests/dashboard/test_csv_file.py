"""Tables as files: safe in a spreadsheet, exact in numbers."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from dashboard.csv_file import csv_text, units


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_never_becomes_a_formula(text):
    """A name that begins like a formula gets an apostrophe; everything else is as it was."""
    rows = list(csv.reader(io.StringIO(csv_text([], ["Name"], [[text], ["a=b"]]).removeprefix("\ufeff"), newline="")))

    assert rows[2:] == [[f"'{text}"], ["a=b"]]


def test_numbers_times_and_the_unknown_are_written_plainly():
    """Cents become exact units, also negative ones; the unknown is nothing; times are UTC."""
    at = datetime(2026, 11, 23, 14, 32, 5, 120_000, tzinfo=UTC)

    text = csv_text([("as of", at)], ["Amount", "Count", "Share"], [[units(-5), 3, None], [units(123_456), 0, 0.25]])

    assert text.removeprefix("\ufeff").splitlines() == [
        "as of,2026-11-23T14:32:05.120Z",
        "",
        "Amount,Count,Share",
        "-0.05,3,",
        "1234.56,0,0.25",
    ]


def test_a_spreadsheet_is_told_that_it_reads_utf_8():
    """Excel takes the code page of its country otherwise, and writes MÃ¼ller."""
    file = csv_text([], ["Courier"], [["Müller"]]).encode()

    assert file.startswith(b"\xef\xbb\xbf")
    assert file.decode("utf-8-sig").splitlines()[1:] == ["Courier", "Müller"]
