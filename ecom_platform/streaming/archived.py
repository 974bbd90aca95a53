"""Which archived orders a chunk speaks about: what a worker knows of the archive, good for one epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.store import MongoDatabase
from ecom_platform.store.archived import ArchivedIds, read_archived_ids, read_epoch
from ecom_platform.store.manifests import Frontier


@dataclass(frozen=True, slots=True)
class Archived:
    """Where an archived order is, and where the stream stood before the run read it."""

    run: str
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class ArchivedOrders:
    """The archived orders at one epoch.

    Attributes:
        every: the ids of all runs together: of thousands of new orders, one question tells that none is archived.
    """

    ids: ArchivedIds = field(default_factory=ArchivedIds)
    every: BitMap64 = field(default_factory=BitMap64)

    @classmethod
    def of(cls, ids: ArchivedIds) -> ArchivedOrders:
        """Of the ids that were read."""
        return cls(ids, BitMap64.union(BitMap64(), *(run.ids for run in ids.runs)))

    def among(self, order_ids: Iterable[int]) -> dict[int, Archived]:
        """Those of the orders that are archived, each with the latest run that archived it."""
        if not self.every:
            return {}
        left = self.every & BitMap64(order_ids)
        found: dict[int, Archived] = {}
        for run in reversed(self.ids.runs):
            if not left:
                break
            here = left & run.ids
            if here:
                archived = Archived(run.manifest.run, run.manifest.frontier)
                found.update(dict.fromkeys(here, archived))
                left -= here
        return found


class ArchivedCache:
    """The archived orders as the last committed chunk saw them.

    What a transaction read counts only once it is committed: before that, the epoch it saw could be undone by a server
    that lost its last writes, and another change could get the same number.
    """

    def __init__(self) -> None:
        self._kept = ArchivedOrders()

    def read(self, db: MongoDatabase, session: ClientSession) -> ArchivedOrders:
        """The archived orders in the snapshot of the session's transaction: read again when the epoch moved."""
        if read_epoch(db, session) == self._kept.ids.epoch:
            return self._kept
        return ArchivedOrders.of(read_archived_ids(db, self._kept.ids, session=session))

    def keep(self, found: ArchivedOrders) -> None:
        """Remember what a transaction read that is committed now."""
        self._kept = found
