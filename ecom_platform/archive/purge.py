"""COMMITTED → PURGING → DONE: archived orders leave MongoDB; what changed since it was copied stays.

Each delete names `_id` and `version`, and the server looks at both again at the instant it deletes: of an update and a
delete that meet, one comes first and the other sees it. So a batch needs no transaction around it, and being none it
holds nothing that the stream could wait for longer than one document.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.files import FilesDamaged, read_archived, remove
from ecom_platform.archive.hdfs import hdfs_errors
from ecom_platform.archive.layout import ROOT, STAGING
from ecom_platform.archive.summary import summary_rows
from ecom_platform.archive.transition import advance
from ecom_platform.contract.times import day_range
from ecom_platform.errors import NeedsPerson
from ecom_platform.store.archived import read_run_ids
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVE_MANIFESTS, ORDERS, ORDERS_ARCHIVE_SUMMARY
from ecom_platform.store.manifests import ArchivedFile, Manifest, RunState, bitmap_to, from_document
from ecom_platform.store.transactions import in_batches, in_transaction

PURGEABLE: Final = (RunState.COMMITTED, RunState.PURGING)
BATCH_ORDERS: Final = 1_000
GROUP_FILES: Final = 500
GROUP_BYTES: Final = 16_000_000
THREADS: Final = 2  # one deletes while the other waits for the journal
BREATH_SECONDS: Final = 0.002


def purge(archiver: Archiver, manifest: Manifest) -> Manifest:
    """Delete a committed run's orders from MongoDB; safe to repeat. The run is PURGING afterwards, `finish` ends it.

    Raises:
        NeedsPerson: the run is not committed, or a file was damaged since its check; nothing more was deleted.
        UnavailableError: MongoDB or HDFS do not answer; run again, it goes on.
        Fenced: another archiver took over.
    """
    if manifest.state not in PURGEABLE:
        raise NeedsPerson(
            f"The archive run {manifest.run} is not purged, because it is {manifest.state}. Nothing was deleted; "
            "`ecom archive` goes on with it."
        )
    if manifest.state == RunState.COMMITTED:
        manifest = advance(archiver.db, manifest, RunState.PURGING)
    archiver.say("purging", 0, max(manifest.rows, 1))
    done = 0
    with ThreadPoolExecutor(THREADS, "purge") as pool:
        # Several small files at once, because every delete waits for the journal.
        for files in in_batches(manifest.files, attrgetter("bytes"), GROUP_FILES, GROUP_BYTES):
            versions = [version for file in files for version in _versions(archiver, file)]
            batches = batches_by_version(versions, BATCH_ORDERS)
            # A loop that ends early cancels the batches that were not begun.
            for deleted in pool.map(partial(_delete, archiver.db), batches):
                done += deleted
                archiver.say("purging", done, manifest.rows)
    return manifest


def finish(archiver: Archiver, manifest: Manifest) -> Manifest:
    """End a purged run: record what stayed hot, write its summary, drop the staging.

    Raises UnavailableError, Fenced.
    """
    hot = _still_hot(archiver.db, manifest, read_run_ids(archiver.db, manifest.run))
    _drop_staging(archiver, manifest)
    done_at = datetime.now(UTC)

    def work(session: ClientSession) -> Manifest:
        stored: Any = archiver.db[ARCHIVE_MANIFESTS].find_one({"_id": manifest.run}, session=session)
        # As stored now: orders may have been brought back since this run was read, and those must not count in it.
        superseded = from_document(stored).superseded | hot
        done = advance(archiver.db, manifest, RunState.DONE, session=session, superseded=bitmap_to(superseded))
        if rows := summary_rows(archiver.db, manifest, superseded, done_at):
            replaced = [ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows]
            archiver.db[ORDERS_ARCHIVE_SUMMARY].bulk_write(replaced, session=session)
        # Orders are brought back under the same role. Last, so that a transaction left open does not lock the lease.
        archiver.lease.confirm(session)
        return done

    return in_transaction(archiver.db, f"finishing the archive run {manifest.run}", work)


def _drop_staging(archiver: Archiver, manifest: Manifest) -> None:
    with hdfs_errors(f"listing {STAGING}"):
        folders = [status.path for status in archiver.hdfs.list_status(STAGING)]
    for folder in folders:
        if folder.rpartition("/")[2].rpartition("-")[0] == manifest.run:
            remove(archiver.hdfs, folder)


def batches_by_version(versions: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, Sequence[int]]]:
    """(version, ids) of at most `size` orders each, from pairs of id and version."""
    waiting: Mapping[int, list[int]] = defaultdict(list)
    for order_id, version in versions:
        ids = waiting[version]
        ids.append(order_id)
        if len(ids) == size:
            yield version, tuple(ids)
            ids.clear()
    for version, ids in waiting.items():
        if ids:
            yield version, tuple(ids)


def _versions(archiver: Archiver, file: ArchivedFile) -> Iterator[tuple[int, int]]:
    try:
        content = read_archived(archiver.hdfs, ROOT, file)
    except FilesDamaged as error:
        raise NeedsPerson(
            f"{ROOT}/{file.path} was checked and is damaged now ({str(error).partition('. ')[0]}). No more orders were "
            "deleted; those of it that were deleted before are only in this file. Restore it, then `ecom archive`."
        ) from error
    table = pq.read_table(pa.BufferReader(content), columns=["order_id", "version"])
    yield from zip(table.column("order_id").to_pylist(), table.column("version").to_pylist(), strict=True)


def _delete(db: MongoDatabase, batch: tuple[int, Sequence[int]]) -> int:
    version, ids = batch
    with mongo_errors("deleting archived orders"):
        db[ORDERS].delete_many({"_id": {"$in": list(ids)}, "version": version})
    # The stream waits for the same journal: let it in between two batches.
    time.sleep(BREATH_SECONDS)
    return len(ids)


def _still_hot(db: MongoDatabase, manifest: Manifest, ids: BitMap64) -> BitMap64:
    if not manifest.days:
        return BitMap64()
    span: dict[str, Any] = {"$gte": day_range(manifest.days[0])[0], "$lt": day_range(manifest.days[-1])[1]}
    with mongo_errors("looking for orders that stayed"):
        return ids & BitMap64([row["_id"] for row in db[ORDERS].find({"order_time": span}, {"_id": 1})])
