"""Bring archived orders back to MongoDB when something more happened to them.

One transaction per some hundred orders consumes their late events, stores the orders as they are after them, takes them
out of the archive's count (`superseded`) and writes the difference of their contributions: whoever reads sees all of it
or nothing. A run that is killed anywhere is repeated without harm; what it did not commit still waits.

The stream and this may meet on an order. Both see a snapshot, so there are two cases: the stream did not yet see the
order back, and sets the event aside once more; or it saw the order back and nothing waiting, and applies it. In the
first case the event waits beside a hot order, everything after it waits too, and the next run applies them in order.

An event stays `late` in the stream's counters; what it became is counted in `archive_state` (`store/late_events.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from bson.errors import InvalidDocument
from pyarrow.fs import FileSystem
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from ecom_platform.archive.bring_back import PARTITION, Attempt, Rehydrated
from ecom_platform.archive.holding import LEASE_ROLE
from ecom_platform.archive.late import day_of
from ecom_platform.archive.rows import ColdOrder, find_orders, open_archive
from ecom_platform.errors import AccountingError, EcomError, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, mongo_errors
from ecom_platform.store import collections as names
from ecom_platform.store.manifests import COLD_STATES, read_manifests
from ecom_platform.streaming.sink import is_data_error

__all__ = ["PARTITION", "Rehydrated", "rehydrate", "rehydrate_waiting"]

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
    lease = Lease.acquire(db, LEASE_ROLE, owner, run_id, ttl_seconds=_LEASE_SECONDS)
    try:
        return rehydrate(settings, db, lease)
    finally:
        lease.release()


def rehydrate(settings: Settings, db: MongoDatabase, lease: Lease) -> Rehydrated:
    """Bring back every order that had late events waiting when this began, under a lease that is held.

    What can be brought back is, before an error about the rest is raised. Raises as `rehydrate_waiting`; Fenced when
    the lease was lost, with everything committed before it done.
    """
    done, failures = Rehydrated(), list[EcomError]()
    with mongo_errors("bringing archived orders back"):
        waiting = db[names.LATE_EVENTS].aggregate([{"$group": {"_id": "$order_id"}}, {"$sort": {"_id": 1}}])
        order_ids = iter([row["_id"] for row in waiting])
        run = _Run(settings, db, lease)
        while batch := list(islice(order_ids, BATCH_ORDERS)):
            lease.renew()
            done += run.bring_back(batch, run.read_cold(batch, failures))
    if failures:
        raise failures[0]
    return done


@dataclass
class _Run:
    settings: Settings
    db: MongoDatabase
    lease: Lease

    @cached_property
    def _files(self) -> FileSystem:
        return open_archive(self.settings)

    def read_cold(self, order_ids: Sequence[int], failures: list[EcomError]) -> dict[int, ColdOrder]:
        """Read those of the orders that are not hot, day by day; what cannot be read is left out and noted."""
        days = self._days_of_cold(order_ids)
        if not days:
            return {}
        manifests = read_manifests(self.db, COLD_STATES)
        found: dict[int, ColdOrder] = {}
        unread: set[int] = set()
        for day, ids in days.items():
            with _noting(failures) as noted:
                found.update(find_orders(self._files, manifests, ids, day))
            unread |= ids if noted else set()
        missing = set[int]().union(*days.values()) - found.keys() - unread
        if missing:
            # An event may name a wrong day: then its order is in another one.
            with _noting(failures) as noted:
                found.update(find_orders(self._files, manifests, missing))
            nowhere = sorted(missing - found.keys())
            if nowhere and not noted:
                failures.append(_nowhere(nowhere))
        return found

    def _days_of_cold(self, order_ids: Sequence[int]) -> dict[str | None, set[int]]:
        """The days that late events name for orders that are not hot, oldest first."""
        query = {"_id": {"$in": list(order_ids)}}
        hot = {order["_id"] for order in self.db[names.ORDERS].find(query, {"_id": 1})}
        cold = [order_id for order_id in order_ids if order_id not in hot]
        days: defaultdict[str | None, set[int]] = defaultdict(set)
        for event in self.db[names.LATE_EVENTS].find({"order_id": {"$in": cold}}):
            days[day_of(event, self.settings.history_start_time)].add(event["order_id"])
        return dict(sorted(days.items(), key=lambda item: item[0] or ""))

    def bring_back(
        self, order_ids: Sequence[int], cold: Mapping[int, ColdOrder], refused: Mapping[str, str] | None = None
    ) -> Rehydrated:
        """Commit a batch; what MongoDB cannot store is found by halving, and its last event becomes a dead letter."""
        history_start = self.settings.history_start_time
        attempt = Attempt(self.db, self.lease, order_ids, cold, history_start, refused or {})
        try:
            with self.db.client.start_session() as session:
                return session.with_transaction(attempt.write, read_concern=ReadConcern("snapshot"))
        except (BulkWriteError, OperationFailure, InvalidDocument, DocumentTooLarge) as error:
            if not is_data_error(error):
                raise _passing(error) from error
            if len(order_ids) > 1:
                middle = len(order_ids) // 2
                first = self.bring_back(order_ids[:middle], cold, refused)
                return first + self.bring_back(order_ids[middle:], cold, refused)
            if attempt.last_applied is None:
                raise
            return self.bring_back(order_ids, cold, {**(refused or {}), attempt.last_applied: str(error)[:500]})


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


def _passing(error: Exception) -> Exception:
    """An UnavailableError for a transaction that others disturbed for too long, else the error itself."""
    if isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError"):
        return UnavailableError(
            f"Bringing archived orders back was disturbed again and again: {error}. Nothing of this step was written, "
            "the late events still wait; run it again."
        )
    return error


def _nowhere(order_ids: Sequence[int]) -> AccountingError:
    named = ", ".join(str(order_id) for order_id in order_ids[:_NAMED])
    return AccountingError(
        f"{len(order_ids):,} orders with late events are neither in MongoDB nor in any file of the archive ({named}). "
        "Their late events still wait, the others were applied. `ecom reconcile` says what else is missing."
    )
