"""VERIFIED → PUBLISHED → COMMITTED: the files take their place, then one transaction makes them count."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.files import FilesDamaged, put_in_place, read_archived
from ecom_platform.archive.layout import ROOT, staging_folder
from ecom_platform.archive.transition import advance, next_epoch
from ecom_platform.store.client import Document
from ecom_platform.store.collections import ARCHIVED_IDS
from ecom_platform.store.manifests import Manifest, RunState, bitmap_to
from ecom_platform.store.transactions import in_transaction

PART_BYTES: Final = 8_000_000


def publish(archiver: Archiver, manifest: Manifest) -> Manifest:
    """Rename each file to its place, overwriting nothing; done twice it is done once.

    Raises:
        FilesDamaged: a staged file is missing.
        UnavailableError: HDFS or MongoDB do not answer.
        Fenced: another archiver took over.
    """
    staging = staging_folder(manifest.run, manifest.token)
    for number, file in enumerate(manifest.files):
        put_in_place(archiver.hdfs, f"{staging}/{file.path}", f"{ROOT}/{file.path}")
        archiver.say("published", number, len(manifest.files) + 1)
    # Compared before the state says so: a file that was there already may be another one.
    published_ids(archiver, manifest)
    return advance(archiver.db, manifest, RunState.PUBLISHED)


def commit(archiver: Archiver, manifest: Manifest) -> Manifest:
    """Let the files count: manifest, ids and epoch in one transaction.

    Raises:
        FilesDamaged: a published file is not what was verified.
        UnavailableError: HDFS or MongoDB do not answer.
        Fenced: another archiver took over.
    """
    parts = split_ids(published_ids(archiver, manifest))
    rows: list[Document] = [
        {"_id": f"{manifest.run}/{number}", "run": manifest.run, "part": number, "ids": bitmap_to(part)}
        for number, part in enumerate(parts)
    ]

    def work(session: ClientSession) -> Manifest:
        committed = advance(
            archiver.db, manifest, RunState.COMMITTED, session=session, epoch=next_epoch(archiver.db, session)
        )
        archiver.db[ARCHIVED_IDS].delete_many({"run": manifest.run}, session=session)
        if rows:
            archiver.db[ARCHIVED_IDS].insert_many(rows, session=session)
        return committed

    return in_transaction(archiver.db, f"committing the archive run {manifest.run}", work)


def published_ids(archiver: Archiver, manifest: Manifest) -> BitMap64:
    """The orders in the published files, whose bytes are those that were verified. Raises FilesDamaged."""
    ids = BitMap64()
    for file in manifest.files:
        content = read_archived(archiver.hdfs, ROOT, file)
        column = pq.read_table(pa.BufferReader(content), columns=["order_id"]).column("order_id")
        ids |= BitMap64(column.to_numpy())
    if len(ids) != manifest.rows:
        raise FilesDamaged(
            f"The files of the archive run {manifest.run} name {len(ids):,} different orders in {manifest.rows:,} "
            "rows. Nothing in MongoDB was changed. Run `ecom archive` again: it writes the files anew."
        )
    return ids


def split_ids(ids: BitMap64, limit_bytes: int = PART_BYTES) -> list[BitMap64]:
    """Parts that each fit into a document; none for no ids."""
    if not ids:
        return []
    if len(ids) == 1 or len(ids.serialize()) <= limit_bytes:
        return [ids]
    ordered = list(ids)
    middle = len(ordered) // 2
    return [
        *split_ids(BitMap64(ordered[:middle]), limit_bytes),
        *split_ids(BitMap64(ordered[middle:]), limit_bytes),
    ]
