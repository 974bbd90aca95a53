"""Compaction: days of the archive rewritten, without rows that count elsewhere and in few files.

For each day: read its files, compared with their checksums; write the rows that still count and read them back; give
the new files their place; then one transaction in which the compaction's manifest starts to count and the others lose
the files it took over. So every instant has each row exactly once. Until that transaction nothing has happened: files
of a compaction that died are in no manifest and carry an older token, so the next run removes them and begins again.
After it, only copies of manifests are left to be written. The old files stay for a while, for readers of an instant at
which they counted.

Which run archived an order, and what the stream had applied to it by then, is not touched: ids and frontiers stay with
the run that recorded them, and to the stream a compaction is nothing. One frontier for orders of several runs could not
be right for all of them: runs may have read two topics (a broker that lost its log); the greatest of one topic is right
only while offsets never go back; and the smallest takes for news what was applied long ago, so that a replay would set
half of the topic aside.

An order that is brought back while its row is rewritten is `superseded` in its old manifest; the transaction reads
that and hands it on. If both commit at once, they conflict on the old manifest, and one of them is repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.compaction_files import DayRows, count_superseded, published_ids, write_files
from ecom_platform.archive.compaction_plan import CompactedDay, compaction_plan
from ecom_platform.archive.copies import refresh_copies
from ecom_platform.archive.files import FilesDamaged, put_in_place, remove
from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.layout import ROOT, staging_folder
from ecom_platform.archive.parquet_file import Totals
from ecom_platform.archive.transition import file_documents, fresh
from ecom_platform.errors import Fenced
from ecom_platform.store.client import Document, MongoDatabase
from ecom_platform.store.collections import ARCHIVE_MANIFESTS
from ecom_platform.store.manifests import (
    ArchivedFile,
    Frontier,
    Manifest,
    RunKind,
    RunState,
    bitmap_to,
    from_document,
    read_manifests,
)
from ecom_platform.store.transactions import in_transaction

log = logging.getLogger(__name__)

_STEPS_PER_DAY: Final = 3


def compact(archiver: Archiver) -> list[Manifest]:
    """Rewrite the days that need it most, and the copies of manifests that changed; the compactions that were done.

    Raises:
        FilesDamaged: a file is not what it should be; the days before it are done, nothing else was changed.
        AccountingError: an order of a day counts twice; likewise.
        UnavailableError: MongoDB or HDFS do not answer; likewise.
        Fenced: another archiver took over; likewise.
    """
    # First, too: also when something is wrong with a day, the archive goes on describing itself.
    refresh_copies(archiver.db, archiver.hdfs)
    manifests = read_manifests(archiver.db, [RunState.DONE])
    days = compaction_plan(manifests, partial(count_superseded, arrow_file_system(archiver.settings)))
    total = len(days) * _STEPS_PER_DAY + 1
    done = []
    for number, day in enumerate(days):
        say = partial(_say, archiver, number * _STEPS_PER_DAY, total)
        done.append(_compact_day(archiver, day, say))
    archiver.say("compacted", total - 1, total)
    if done:
        refresh_copies(archiver.db, archiver.hdfs)
    archiver.say("compacted", total, total)
    return done


def _say(archiver: Archiver, before: int, total: int, step: int) -> None:
    archiver.say("compacted", before + step, total)


def _compact_day(archiver: Archiver, day: CompactedDay, say: Callable[[int], None]) -> Manifest:
    say(0)
    planned_at = datetime.now(UTC)
    run = f"{planned_at:%Y%m%dT%H%M%S}-{archiver.token}-compaction-{day.day}"
    manifests = {manifest.run: manifest for manifest in read_manifests(archiver.db, [RunState.DONE])}
    rows = DayRows(archiver.hdfs, day, manifests)
    files, totals = write_files(arrow_file_system(archiver.settings), run, archiver.token, rows)
    ids = rows.distinct_ids()
    say(1)
    _publish(archiver, run, files)
    row = _row(archiver, run, day, files, totals, planned_at)
    if published_ids(archiver.hdfs, files) != ids:
        raise FilesDamaged(
            f"The files that compaction wrote for {day.day} do not hold the orders that count. They count for nothing, "
            "every order still counts from the file it was in. Run `ecom archive` again: it rewrites the day."
        )
    say(2)
    compacted = _commit(archiver, row, rows)
    log.info("compacted day=%s rows=%d files=%d files_before=%d", day.day, totals.rows, len(files), len(day.held))
    return compacted


def _publish(archiver: Archiver, run: str, files: list[ArchivedFile]) -> None:
    staging = staging_folder(run, archiver.token)
    for file in files:
        put_in_place(archiver.hdfs, f"{staging}/{file.path}", f"{ROOT}/{file.path}")
    remove(archiver.hdfs, staging)


def _row(
    archiver: Archiver, run: str, day: CompactedDay, files: list[ArchivedFile], totals: Totals, planned_at: datetime
) -> Document:
    now = datetime.now(UTC)
    until = now + archiver.settings.archive_grace
    return {
        **fresh(Frontier("", {})),
        "_id": run,
        "kind": str(RunKind.COMPACTION),
        "token": archiver.token,
        "state": str(RunState.DONE),
        "days": [day.day],
        "policy": {},
        "rows": totals.rows,
        "checksum": totals.checksum,
        "files": file_documents(files),
        "times": {str(RunState.PLANNED): planned_at, str(RunState.DONE): now},
        "replaced": [{"path": held.file.path, "until": until} for held in day.held],
    }


def _commit(archiver: Archiver, row: Document, rows: DayRows) -> Manifest:
    """Let the new files count and the old ones count no longer. Raises Fenced, UnavailableError."""

    def work(session: ClientSession) -> Manifest:
        superseded = BitMap64()
        for run in dict.fromkeys(held.run for held in rows.day.held):
            superseded |= _take_files(archiver.db, session, run, rows)
        compacted = {**row, "superseded": bitmap_to(superseded)}
        archiver.db[ARCHIVE_MANIFESTS].insert_one(compacted, session=session)
        # Last, so that a transaction that is left open does not lock the lease.
        archiver.lease.confirm(session)
        return from_document(compacted)

    return in_transaction(archiver.db, f"committing the compaction of {rows.day.day}", work)


def _take_files(db: MongoDatabase, session: ClientSession, run: str, rows: DayRows) -> BitMap64:
    """Take a run's files of the day out of its manifest; rewritten rows that count elsewhere by now."""
    stored: Any = db[ARCHIVE_MANIFESTS].find_one({"_id": run}, session=session)
    taken = {held.file.path for held in rows.day.held if held.run == run}
    manifest = from_document(stored)
    left = [file for file in manifest.files if file.path not in taken]
    if len(left) + len(taken) != len(manifest.files):
        raise Fenced(
            f"Another archiver changed the files of the run {run} meanwhile. What was written for {rows.day.day} "
            "counts for nothing; the next archive run removes it."
        )
    superseded = manifest.superseded - rows.kept[run] - rows.left_out[run]
    db[ARCHIVE_MANIFESTS].update_one(
        {"_id": run},
        {"$set": {"files": file_documents(left), "superseded": bitmap_to(superseded)}},
        session=session,
    )
    return manifest.superseded & rows.kept[run]
