"""What counts at one cluster time: which orders are hot, which files are cold, and which rows of those count elsewhere.

An order counts from MongoDB if it is there, else from a file of a committed manifest. Both are read at the same
cluster time, so that no instant shows an order zero or two times while archive and stream are at work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bson.timestamp import Timestamp
from pyroaring import BitMap64

from ecom_platform.settings import Settings
from ecom_platform.store.archived import read_run_ids
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.cluster_time import database_at, instant_errors
from ecom_platform.store.collections import LATE_EVENTS, ORDERS
from ecom_platform.store.manifests import COLD_STATES, Manifest, RunState, read_manifests
from ecom_platform.store.offsets import PartitionOffsets, read_offsets

_IDS_PER_QUERY: Final = 50_000


@dataclass(frozen=True, slots=True)
class HistorySnapshot:
    """The state of hot and cold at one instant.

    Attributes:
        at: the cluster time; hot rows are read at it.
        cold: the manifests with files that count, oldest first; a run of which nothing was deleted yet has none.
        hot_copies: per run that is not DONE, ids in its files that are hot as well, and count there.
        late_events: events of archived orders that wait to be applied.
        offsets: where the stream stood.
    """

    at: Timestamp
    cold: tuple[Manifest, ...]
    hot_copies: Mapping[str, BitMap64]
    late_events: int
    offsets: Mapping[int, PartitionOffsets]

    def excluded(self, manifest: Manifest) -> BitMap64:
        """Ids in the run's files that count elsewhere."""
        return manifest.superseded | self.hot_copies.get(manifest.run, BitMap64())


def read_snapshot(db: MongoDatabase, settings: Settings, at: Timestamp) -> HistorySnapshot:
    """What counts at `at`.

    Raises:
        InstantExpired: the server no longer keeps the instant; start again at a new one.
        UnavailableError: MongoDB does not answer.
    """
    then = database_at(db, at)
    with instant_errors("reading the archive's manifests"):
        cold, hot_copies = [], {}
        for manifest in read_manifests(then, COLD_STATES):
            if manifest.state != RunState.DONE:
                ids = read_run_ids(then, manifest.run)
                hot_copies[manifest.run] = _hot_ids(then, ids)
                if ids <= hot_copies[manifest.run] | manifest.superseded:
                    continue  # nothing is deleted yet: every order of it is read from MongoDB
            cold.append(manifest)
        return HistorySnapshot(
            at=at,
            cold=tuple(cold),
            hot_copies=hot_copies,
            late_events=sum(1 for _ in then[LATE_EVENTS].find({}, {"_id": 1})),
            offsets=read_offsets(then, settings.topic),
        )


def _hot_ids(db: MongoDatabase, ids: BitMap64) -> BitMap64:
    """Those of the ids that are in MongoDB; the index alone answers."""
    hot = BitMap64()
    for some in _parts(ids):
        hot.update(row["_id"] for row in db[ORDERS].find({"_id": {"$in": some}}, {"_id": 1}))
    return hot


def _parts(ids: BitMap64) -> Iterator[list[int]]:
    found = list(ids)
    for start in range(0, len(found), _IDS_PER_QUERY):
        yield found[start : start + _IDS_PER_QUERY]
