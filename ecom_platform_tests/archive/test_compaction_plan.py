"""Which days are written anew, and which files stay, decided without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap64

from ecom_platform.archive.compaction_plan import (
    DAYS_PER_RUN,
    FILE_ROWS,
    ROWS_PER_RUN,
    CompactedDay,
    Held,
    compaction_plan,
    paths_to_keep,
)
from ecom_platform.archive.layout import published_path
from ecom_platform.store.manifests import ArchivedFile, Manifest, Replaced, RunState
from ecom_platform_tests.archive import handmade

DAY, NEXT_DAY = "2026-11-20", "2026-11-21"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def file(run: str, rows: int, day: str = DAY, number: int = 0) -> ArchivedFile:
    """A file of a run."""
    return ArchivedFile(published_path(run, 1, day, number), 100 * rows, rows, "0")


def manifest(*files: ArchivedFile, superseded: int = 0, **changes: Any) -> Manifest:
    """A run with these files and so many superseded orders."""
    return handmade.manifest(*files, superseded=BitMap64(range(superseded)), **changes)


def all_superseded(run: Manifest, held: ArchivedFile) -> int:
    """All superseded orders of a run are in each of its files."""
    return len(run.superseded)


def none_superseded(run: Manifest, held: ArchivedFile) -> int:
    """The superseded orders are in other files."""
    return 0


def never_asked(run: Manifest, held: ArchivedFile) -> int:
    """Reading a file costs time."""
    pytest.fail(f"{held.path} was read")


def days(plan: list[CompactedDay]) -> list[str]:
    """The days of a plan."""
    return [day.day for day in plan]


@pytest.mark.parametrize(("superseded", "planned"), [(0, []), (10, []), (11, [DAY])])
def test_a_day_is_due_when_more_than_one_percent_of_it_counts_elsewhere(superseded: int, planned: list[str]) -> None:
    """Exactly one percent is not more."""
    assert days(compaction_plan([manifest(file("1", 1_000), superseded=superseded)], all_superseded)) == planned


def test_no_file_is_read_for_a_day_that_cannot_be_due() -> None:
    """The manifests alone say that too few rows of it can count elsewhere."""
    assert compaction_plan([manifest(file("1", 10_000), superseded=100)], never_asked) == []


def test_the_share_is_that_of_the_day_not_of_the_run() -> None:
    """Superseded orders of one day do not make the other days of the run due."""
    run = manifest(file("1", 1_000), file("1", 1_000, NEXT_DAY), superseded=50)

    plan = compaction_plan([run], lambda _, held: 50 if NEXT_DAY in held.path else 0)

    assert plan == [CompactedDay(NEXT_DAY, (Held("1", run.files[1]),), 50)]


@pytest.mark.parametrize(
    ("files", "rows", "planned"),
    [(8, 10, []), (9, 10, [DAY]), (9, FILE_ROWS // 10 - 1, [DAY]), (9, FILE_ROWS // 10, [])],
)
def test_a_day_is_due_when_it_lies_in_many_small_files(files: int, rows: int, planned: list[str]) -> None:
    """Few small files are not worth the work, and many large ones are as they should be."""
    runs = [manifest(file(str(number), rows), run=str(number)) for number in range(files)]

    assert days(compaction_plan(runs, never_asked)) == planned


@pytest.mark.parametrize("rows", [1, 400, FILE_ROWS, 9 * FILE_ROWS + 1])
def test_a_day_that_was_compacted_is_not_due_again(rows: int) -> None:
    """Full files and a last one of the rest."""
    sizes = [FILE_ROWS] * (rows // FILE_ROWS) + [rows % FILE_ROWS]
    files = [file("c", size, number=number) for number, size in enumerate(sizes) if size]

    assert compaction_plan([manifest(*files)], never_asked) == []


@pytest.mark.parametrize("state", [state for state in RunState if state != RunState.DONE])
def test_files_of_a_run_that_is_not_done_are_left_alone(state: RunState) -> None:
    """Its orders may still be hot, and readers leave those out."""
    assert compaction_plan([manifest(file("1", 100), superseded=50, state=state)], never_asked) == []


def test_the_most_wrong_days_come_first_and_the_others_wait() -> None:
    """However much there is to do, a run does a part of it; the next run goes on."""
    names = [f"2026-10-{number:02}" for number in range(1, DAYS_PER_RUN + 3)]
    runs = [manifest(file(name, 1_000, name), run=name, superseded=20 + number) for number, name in enumerate(names, 1)]

    plan = compaction_plan(runs, all_superseded)

    assert days(plan) == names[::-1][:DAYS_PER_RUN]


def test_no_further_day_is_taken_after_enough_rows() -> None:
    """One day is, however large it is: otherwise it would never be."""
    big, small = file("1", 5 * ROWS_PER_RUN), file("2", 1_000, NEXT_DAY)
    runs = [manifest(big, run="1", superseded=ROWS_PER_RUN), manifest(small, run="2", superseded=20)]

    assert days(compaction_plan(runs, all_superseded)) == [DAY]


def test_a_day_whose_superseded_rows_are_elsewhere_is_not_due() -> None:
    """The manifests say it might be; its files say it is not."""
    assert compaction_plan([manifest(file("1", 100), superseded=50)], none_superseded) == []


def test_replaced_files_are_kept_until_nobody_reads_them_any_more() -> None:
    """Those that count or may come to count stay; those of a run that an older version revoked go at once."""
    counting, revoked = file("1", 10), file("2", 10)
    replaced = (Replaced("fresh", NOW + timedelta(seconds=1)), Replaced("old", NOW))
    runs = [
        manifest(counting, replaced=replaced),
        manifest(revoked, state=RunState.REVOKED),
        manifest(file("3", 10), state=RunState.PUBLISHED),
    ]

    assert paths_to_keep(runs, NOW) == {counting.path, "fresh", file("3", 10).path}
