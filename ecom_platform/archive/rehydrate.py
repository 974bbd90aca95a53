"""Bring archived orders back to MongoDB when something more happened to them.

One transaction per batch, of at most 200 orders and as many bytes as one of the stream, consumes their late events,
stores the orders as they are after them, takes them out of the archive's count (`superseded`) and writes the difference
of their contributions: a reader sees all of it or nothing. What the server does not take at once it takes in
halves; an order that it does not take at all waits and holds no other up. A run that is killed anywhere is repeated
without harm; what it did not commit still waits.

The stream and this may meet on an order. Both see a snapshot, so there are two cases: the stream did not yet see the
order back, and sets the event aside once more; or it saw the order back and nothing waiting, and applies it. In the
first case the event waits beside a hot order, everything after it waits too, and the next run applies them in order.

An event stays `late` in the stream's counters; what it became is counted in `archive_state` (`store/late_events.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import bson
from pyarrow.fs import FileSystem
from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from ecom_platform.archive.late import day_of
from ecom_platform.archive.lookup import ColdOrder, open_archive, read_orders
from ecom_platform.archive.rehydrate_transaction import Attempt, Rehydrated
from ecom_platform.errors import AccountingError, EcomError, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, mongo_errors
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document
from ecom_platform.store.leases import ARCHIVER_ROLE
from ecom_platform.store.manifests import COLD_STATES, read_manifests
from ecom_platform.store.transactions import commit_in_halves, gave_up, in_batches, is_data_error, run_transaction

BATCH_ORDERS: Final = 200
_LEASE_SECONDS: Final = 60.0
_NAMED: Final = 5


def rehydrate_waiting(settings: Settings, db: MongoDatabase, owner: str, run_id: str | None = None) -> Rehydrated:
    """Take the archiver's lease and bring back what waits; without late events nothing is taken.

    Args:
        owner: who asks, as `ecom status` names it.
        run_id: of the run that asks.

    Raises:
        Fenced: an archive run holds the lease; it brings orders back itself.
        UnavailableError: MongoDB does not answer, or files of the archive cannot be read; late events still wait.
        ConfigurationError: orders wait, and no HDFS is known.
        AccountingError: an order is neither in MongoDB nor in the archive.
    """
    with mongo_errors("looking for late events"):
        if db[names.LATE_EVENTS].find_one({}, {"_id": 1}) is None:
            return Rehydrated()
    lease = Lease.acquire(db, ARCHIVER_ROLE, owner, run_id, ttl_seconds=_LEASE_SECONDS)
    try:
        return rehydrate(settings, db, lease)
    finally:
        lease.release()


def rehydrate(settings: Settings, db: MongoDatabase, lease: Lease) -> Rehydrated:
    """Bring back every order that had late events waiting when this began, under a lease that is held.

    What can be brought back is, before an error about the rest is raised. Raises as `rehydrate_waiting`; Fenced when
    the lease was lost, with everything committed before it done.
    """
    failures: list[EcomError] = []
    with mongo_errors("bringing archived orders back"):
        sizes = {"_id": "$order_id", "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}
        waiting = db[names.LATE_EVENTS].aggregate([{"$group": sizes}, {"$sort": {"_id": 1}}])
        run = _Run(settings, db, lease, {row["_id"]: row["bytes"] for row in waiting}, failures)
        for order_ids in in_batches(run.late_bytes, run.late_bytes.__getitem__, BATCH_ORDERS, settings.chunk_bytes):
            for batch in in_batches(run.read(order_ids), run.size_of, BATCH_ORDERS, settings.chunk_bytes):
                run.bring_back(batch)
    if failures:
        raise failures[0]
    return run.done


@dataclass(frozen=True, slots=True)
class _Found:
    """An order with late events; `cold` when it was found in the archive, `bytes` of its document."""

    order_id: int
    bytes: int
    cold: ColdOrder | None = None


@dataclass
class _Run:
    settings: Settings
    db: MongoDatabase
    lease: Lease
    late_bytes: Mapping[int, int]
    failures: list[EcomError]
    done: Rehydrated = field(default_factory=Rehydrated)
    refused: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _files(self) -> FileSystem:
        return open_archive(self.settings)

    def size_of(self, found: _Found) -> int:
        """What an order adds to a transaction: itself and its late events."""
        return found.bytes + self.late_bytes[found.order_id]

    def read(self, order_ids: Sequence[int]) -> Iterator[_Found]:
        """The orders, one after another: those that are hot, then those of the archive, day by day.

        What cannot be read is left out and noted.
        """
        size: Document = {"$project": {"bytes": {"$bsonSize": "$$ROOT"}}}
        query = {"$match": {"_id": {"$in": list(order_ids)}}}
        hot = {row["_id"]: row["bytes"] for row in self.db[names.ORDERS].aggregate([query, size])}
        yield from (_Found(order_id, size_bytes) for order_id, size_bytes in hot.items())
        days = self._days_of([order_id for order_id in order_ids if order_id not in hot])
        if days:
            for cold in self._read_cold(days):
                yield _Found(cold.document["_id"], len(bson.encode(cold.document)), cold)

    def _read_cold(self, days: Mapping[str | None, set[int]]) -> Iterator[ColdOrder]:
        manifests = read_manifests(self.db, COLD_STATES)
        missing, unread = set[int](), set[int]()
        for day, ids in days.items():
            left = set(ids)
            with _noting(self.failures) as noted:
                for order in read_orders(self._files, manifests, ids, day):
                    left.discard(order.document["_id"])
                    yield order
            (unread if noted else missing).update(left)
        if missing := missing - unread:
            # An event may name a wrong day: then its order is in another one.
            left = set(missing)
            with _noting(self.failures) as noted:
                for order in read_orders(self._files, manifests, missing):
                    left.discard(order.document["_id"])
                    yield order
            if left and not noted:
                self.failures.append(_nowhere(sorted(left)))

    def _days_of(self, cold: Sequence[int]) -> dict[str | None, set[int]]:
        """The days that late events name for orders that are not hot, oldest first."""
        days: defaultdict[str | None, set[int]] = defaultdict(set)
        for event in self.db[names.LATE_EVENTS].find({"order_id": {"$in": cold}}):
            days[day_of(event, self.settings.history_start_time)].add(event["order_id"])
        return dict(sorted(days.items(), key=lambda item: item[0] or ""))

    def bring_back(self, batch: Sequence[_Found]) -> None:
        """Commit a batch, or what MongoDB takes of it; an order that it does not take at all is noted."""
        cold = {found.order_id: found.cold for found in batch if found.cold is not None}
        attempts: list[Attempt] = []

        def write(session: ClientSession) -> Rehydrated:
            self.lease.renew()  # in every attempt: the driver repeats them for two minutes
            return attempts[-1].write(session)

        def commit(order_ids: Sequence[int]) -> None:
            start = self.settings.history_start_time
            attempts.append(Attempt(self.db, self.lease, order_ids, cold, start, self.refused))
            with self.db.client.start_session() as session:
                self.done += run_transaction(session, write, read_concern=ReadConcern("snapshot"))

        def alone(order_id: int, error: Exception) -> Sequence[int]:
            last = attempts[-1].last_applied
            if is_data_error(error) and last is not None:
                # Without it the order can perhaps be stored: it becomes a dead letter.
                self.refused[last] = str(error)[:500]
                return [order_id]
            self.failures.append(_refused(order_id, error))
            return ()

        commit_in_halves([found.order_id for found in batch], commit, alone)


@contextmanager
def _noting(failures: list[EcomError]) -> Iterator[list[EcomError]]:
    """Go on with other days when files of one cannot be read; yields what failed in here."""
    here: list[EcomError] = []
    try:
        yield here
    except UnavailableError as error:
        here.append(error)
        failures.append(
            UnavailableError(f"Late events of archived orders still wait, because their orders cannot be read. {error}")
        )


def _refused(order_id: int, error: Exception) -> EcomError:
    """What is said of one order that MongoDB does not take, when the others were brought back."""
    waits = f"Its late events still wait, those of other orders were applied. ({str(error)[:300]})"
    if gave_up(error):
        return UnavailableError(
            f"Bringing back order {order_id} was disturbed again and again; it is tried at every run. {waits}"
        )
    return AccountingError(f"MongoDB refuses order {order_id} whichever late event is left out. {waits}")


def _nowhere(order_ids: Sequence[int]) -> AccountingError:
    named = ", ".join(str(order_id) for order_id in order_ids[:_NAMED])
    return AccountingError(
        f"{len(order_ids):,} orders with late events are neither in MongoDB nor in any file of the archive ({named}). "
        "Their late events still wait, the others were applied. `ecom reconcile` says what else is missing."
    )
