"""Which days are written anew, and which files stay, decided without a server."""

from __future__ import annotations

from collections.abc import Callable
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


def small(files: int, rows: int) -> list[Manifest]:
    """As many runs with a file of so many rows each."""
    return [manifest(file(str(number), rows), run=str(number)) for number in range(files)]


def compacted(rows: int) -> list[Manifest]:
    """So many rows in full files and a last one of the rest."""
    sizes = [FILE_ROWS] * (rows // FILE_ROWS) + [rows % FILE_ROWS]
    return [manifest(*(file("c", size, number=number) for number, size in enumerate(sizes) if size))]


DUE: dict[str, tuple[list[Manifest], Callable[[Manifest, ArchivedFile], int], list[str]]] = {
    "nothing of it counts elsewhere": ([manifest(file("1", 1_000))], all_superseded, []),
    "exactly one percent does": ([manifest(file("1", 1_000), superseded=10)], all_superseded, []),
    "more than one percent does": ([manifest(file("1", 1_000), superseded=11)], all_superseded, [DAY]),
    "by the manifests it cannot be more": ([manifest(file("1", 10_000), superseded=100)], never_asked, []),
    "by its files it is not": ([manifest(file("1", 100), superseded=50)], none_superseded, []),
    "few small files": (small(8, 10), never_asked, []),
    "many small files": (small(9, 10), never_asked, [DAY]),
    "many files just small": (small(9, FILE_ROWS // 10 - 1), never_asked, [DAY]),
    "many files as they should be": (small(9, FILE_ROWS // 10), never_asked, []),
    **{
        f"its run is {state}": ([manifest(file("1", 100), superseded=50, state=state)], never_asked, [])
        for state in RunState
        if state != RunState.DONE
    },
    **{
        f"compacted, {rows} rows": (compacted(rows), never_asked, []) for rows in (1, 400, FILE_ROWS, 9 * FILE_ROWS + 1)
    },
}


@pytest.mark.parametrize(("runs", "superseded_in", "planned"), DUE.values(), ids=DUE)
def test_a_day_is_due_when_much_of_it_counts_elsewhere_or_lies_in_small_files(
    runs: list[Manifest], superseded_in: Callable[[Manifest, ArchivedFile], int], planned: list[str]
) -> None:
    """No file is read where the manifests say enough; orders of a run that is not done may still be hot."""
    assert days(compaction_plan(runs, superseded_in)) == planned


def test_the_share_is_that_of_the_day_not_of_the_run() -> None:
    """Superseded orders of one day do not make the other days of the run due."""
    run = manifest(file("1", 1_000), file("1", 1_000, NEXT_DAY), superseded=50)

    plan = compaction_plan([run], lambda _, held: 50 if NEXT_DAY in held.path else 0)

    assert plan == [CompactedDay(NEXT_DAY, (Held("1", run.files[1]),), 50)]


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
