"""Which days of the archive are rewritten, and which files must not be removed yet. Pure.

A day is due when more than 1 % of its rows count elsewhere, because readers of plain Parquet see those rows too; or
when it lies in more than 8 files whose mean is below a tenth of the size that compaction writes. A day that was
compacted is not due again before something happens to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecom_platform.archive.layout import file_day
from ecom_platform.store.manifests import ArchivedFile, Manifest, RunState

FILE_ROWS: Final = 500_000
"""Most orders in a file that compaction writes, about 50 MB."""

SUPERSEDED_SHARE: Final = 0.01
MANY_FILES: Final = 8
SMALL_FILE_ROWS: Final = FILE_ROWS // 10
DAYS_PER_RUN: Final = 10
ROWS_PER_RUN: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """A file, and the run whose manifest lists it."""

    run: str
    file: ArchivedFile


@dataclass(frozen=True, slots=True)
class CompactedDay:
    """A UTC day to rewrite: all of its files, and how many of their rows count elsewhere."""

    day: str
    held: tuple[Held, ...]
    superseded: int

    @property
    def rows(self) -> int:
        """In all files, whether they count or not."""
        return sum(each.file.rows for each in self.held)

    @property
    def superseded_share(self) -> float:
        """Rows that count elsewhere, of all."""
        return self.superseded / max(self.rows, 1)

    @property
    def is_due(self) -> bool:
        """Whether it is worth rewriting."""
        many = len(self.held) > MANY_FILES and self.rows < len(self.held) * SMALL_FILE_ROWS
        return many or self.superseded_share > SUPERSEDED_SHARE


def compaction_plan(
    manifests: Iterable[Manifest], count_superseded: Callable[[Manifest, ArchivedFile], int]
) -> list[CompactedDay]:
    """The days that one run rewrites, the most wrong first.

    Bounded: at most DAYS_PER_RUN days, none after ROWS_PER_RUN rows; the others wait for the next run.

    Args:
        manifests: runs that are not DONE are left alone: their orders may still be hot.
        count_superseded: rows of a file that its manifest says count elsewhere. Only asked for files of days that may
            be due for it.
    """
    days: defaultdict[str, list[tuple[Manifest, ArchivedFile]]] = defaultdict(list)
    for manifest in manifests:
        if manifest.state == RunState.DONE:
            for file in manifest.files:
                days[file_day(file.path)].append((manifest, file))
    found = [_judged(day, files, count_superseded) for day, files in sorted(days.items())]
    due = sorted((day for day in found if day.is_due), key=lambda day: (-day.superseded_share, -len(day.held)))
    taken: list[CompactedDay] = []
    for day in due[:DAYS_PER_RUN]:
        if sum(other.rows for other in taken) >= ROWS_PER_RUN:
            break
        taken.append(day)
    return taken


def paths_to_keep(manifests: Iterable[Manifest], now: datetime) -> set[str]:
    """Files that count or may come to count, and those that did until a moment ago; below the archive's root."""
    kept = set()
    for manifest in manifests:
        if manifest.state != RunState.REVOKED:
            kept |= {file.path for file in manifest.files}
        kept |= {file.path for file in manifest.replaced if file.until > now}
    return kept


def _judged(
    day: str,
    files: list[tuple[Manifest, ArchivedFile]],
    count_superseded: Callable[[Manifest, ArchivedFile], int],
) -> CompactedDay:
    held = tuple(Held(manifest.run, file) for manifest, file in files)
    most = sum(min(len(manifest.superseded), file.rows) for manifest, file in files)
    if not CompactedDay(day, held, most).is_due:
        return CompactedDay(day, held, 0)
    return CompactedDay(day, held, sum(count_superseded(*each) for each in files if each[0].superseded))
