"""WRITTEN → PUBLISHED → COMMITTED: the files take their place, then, checked, one transaction makes them count."""

from __future__ import annotations

from typing import Final

from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.check import Checked
from ecom_platform.archive.files import put_in_place
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
    return advance(archiver.db, manifest, RunState.PUBLISHED)


def commit(archiver: Archiver, manifest: Manifest, checked: Checked) -> Manifest:
    """Let files that passed their check count: manifest, ids and epoch in one transaction.

    Raises:
        UnavailableError: MongoDB does not answer.
        Fenced: another archiver took over.
    """
    rows: list[Document] = [
        {"_id": f"{manifest.run}/{number}", "run": manifest.run, "part": number, "ids": bitmap_to(part)}
        for number, part in enumerate(split_ids(checked.ids))
    ]

    def work(session: ClientSession) -> Manifest:
        epoch = next_epoch(archiver.db, session)
        committed = advance(
            archiver.db,
            manifest,
            RunState.COMMITTED,
            session=session,
            epoch=epoch,
            verdict=checked.to_document(),
        )
        archiver.db[ARCHIVED_IDS].delete_many({"run": manifest.run}, session=session)
        if rows:
            archiver.db[ARCHIVED_IDS].insert_many(rows, session=session)
        return committed

    return in_transaction(archiver.db, f"committing the archive run {manifest.run}", work)


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
