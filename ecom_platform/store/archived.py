"""Which orders are archived, and by which run: compressed bitmaps, kept in memory and reloaded when they change.

`archive_state.epoch` grows with every change of the bitmaps. Who reads it inside a transaction, before looking at
`orders`, decides "not hot, but archived" in one snapshot.

    archive_state: {_id: "archive", epoch}      archived_ids: {_id: "<run>/<part>", run, part, ids: Binary}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVE_STATE, ARCHIVED_IDS
from ecom_platform.store.manifests import COLD_STATES, Frontier, Manifest, bitmap_from, read_manifests

STATE_ID: Final = "archive"


@dataclass(frozen=True, slots=True)
class Archived:
    """Where an archived order is, and where the stream stood before the run read it."""

    run: str
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class ArchivedRun:
    """A committed run and every order it archived; some of them may be hot again."""

    manifest: Manifest
    ids: BitMap64


@dataclass(frozen=True)
class ArchivedIds:
    """The archived orders at one epoch; `runs` is oldest first."""

    epoch: int = 0
    runs: tuple[ArchivedRun, ...] = ()

    @cached_property
    def every(self) -> BitMap64:
        """The ids of all runs together: of thousands of new orders, one question tells that none is archived."""
        return BitMap64.union(BitMap64(), *(run.ids for run in self.runs))

    def run_of(self, order_id: int) -> Manifest | None:
        """The latest run that archived the order. An order that is hot counts there, not here."""
        return next((run.manifest for run in reversed(self.runs) if order_id in run.ids), None)

    def among(self, order_ids: Iterable[int]) -> dict[int, Archived]:
        """Those of the orders that are archived, each with the latest run that archived it."""
        left = self.every & BitMap64(order_ids) if self.every else BitMap64()
        found: dict[int, Archived] = {}
        for run in reversed(self.runs):
            if not left:
                break
            if here := left & run.ids:
                archived = Archived(run.manifest.run, run.manifest.frontier)
                found.update(dict.fromkeys(here, archived))
                left -= here
        return found


def read_epoch(db: MongoDatabase, session: ClientSession | None = None) -> int:
    """The version of the bitmaps; 0 before the first archive run."""
    row = db[ARCHIVE_STATE].find_one({"_id": STATE_ID}, {"epoch": 1}, session=session)
    return row["epoch"] if row else 0


def read_archived_ids(
    db: MongoDatabase, known: ArchivedIds | None = None, *, session: ClientSession | None = None
) -> ArchivedIds:
    """The archived orders now; bitmaps of `known` that did not change are kept. Raises UnavailableError."""
    known = known or ArchivedIds()
    with mongo_errors("reading which orders are archived"):
        epoch = read_epoch(db, session)
        if epoch == known.epoch:
            return known
        kept = {(run.manifest.run, run.manifest.epoch): run.ids for run in known.runs}
        runs = []
        for manifest in read_manifests(db, COLD_STATES, session=session):
            ids = kept.get((manifest.run, manifest.epoch))
            runs.append(ArchivedRun(manifest, read_run_ids(db, manifest.run, session) if ids is None else ids))
        return ArchivedIds(epoch, tuple(runs))


def read_run_ids(db: MongoDatabase, run: str, session: ClientSession | None = None) -> BitMap64:
    """Every order that a run archived."""
    ids = BitMap64()
    for row in db[ARCHIVED_IDS].find({"run": run}, session=session):
        ids |= bitmap_from(row["ids"])
    return ids
