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

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Final

from bson.errors import InvalidDocument
from pyarrow.fs import FileSystem
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from ecom_platform.archive.holding import LEASE_ROLE
from ecom_platform.archive.late import AppliedLate, Outcome, apply_late_events, day_of, record_of
from ecom_platform.archive.rows import ColdOrder, find_orders, open_archive
from ecom_platform.errors import AccountingError, EcomError, UnavailableError
from ecom_platform.kpi import Rollups, accumulate
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, mongo_errors
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document
from ecom_platform.store.late_events import add_late_outcomes
from ecom_platform.store.manifests import COLD_STATES, Manifest, bitmap_to, from_document, read_manifests
from ecom_platform.store.rollups import add_increments
from ecom_platform.streaming.documents import dead_letter, mark_dirty_days
from ecom_platform.streaming.fold import APPLIED, DEAD, DUPLICATE, touched_days
from ecom_platform.streaming.sink import is_data_error

__all__ = ["PARTITION", "Rehydrated", "rehydrate", "rehydrate_waiting"]

PARTITION: Final = -1
"""The partition under which rollups are written that no partition of the topic writes."""

BATCH_ORDERS: Final = 200
_LEASE_SECONDS: Final = 60.0
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Rehydrated:
    """What a run did.

    Attributes:
        brought_back: orders that were archived and are hot again.
        updated: orders that were hot already.
        applied, duplicate, dead: what became of late events.
    """

    brought_back: int = 0
    updated: int = 0
    applied: int = 0
    duplicate: int = 0
    dead: int = 0

    def __add__(self, other: Rehydrated) -> Rehydrated:
        """Both together."""
        return Rehydrated(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


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
        attempt = _Attempt(self, order_ids, cold, refused or {})
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


@dataclass
class _Attempt:
    """One transaction. Its body may run several times; only the last one counts."""

    run: _Run
    order_ids: Sequence[int]
    cold: Mapping[int, ColdOrder]
    refused: Mapping[str, str]
    last_applied: str | None = None

    def write(self, session: ClientSession) -> Rehydrated:
        """The body of the transaction."""
        snapshot = _read(self.run.db, session, self.order_ids, self.cold)
        changes = _Changes()
        for order_id, events in snapshot.events.items():
            before = snapshot.hot.get(order_id) or snapshot.cold.get(order_id)
            if before is not None:
                applied = apply_late_events(before, events, self.run.settings.history_start_time, self.refused)
                changes.add(applied, was_hot=order_id in snapshot.hot)
        last = [outcome.event["_id"] for outcome in changes.outcomes if outcome.name == APPLIED]
        self.last_applied = last[-1] if last else None
        _write_orders(self.run.db, session, changes)
        _supersede(self.run.db, session, changes.brought_back, self.cold, snapshot.manifests)
        _consume(self.run.db, session, changes.outcomes)
        # Last, so that a transaction that is left open locks nobody out of the lease.
        self.run.lease.confirm(session)
        return changes.counts()


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What a transaction sees of its orders; of the cold ones those whose place is still what it was when read."""

    events: Mapping[int, list[Document]]
    hot: Mapping[int, Document]
    cold: Mapping[int, Document]
    manifests: Mapping[str, Manifest]


def _read(
    db: MongoDatabase, session: ClientSession, order_ids: Sequence[int], cold: Mapping[int, ColdOrder]
) -> _Snapshot:
    events: defaultdict[int, list[Document]] = defaultdict(list)
    for event in db[names.LATE_EVENTS].find({"order_id": {"$in": list(order_ids)}}, session=session):
        events[event["order_id"]].append(event)
    hot = {order["_id"]: order for order in db[names.ORDERS].find({"_id": {"$in": list(order_ids)}}, session=session)}
    runs = {place.run for order_id in order_ids if order_id in cold for place in cold[order_id].places}
    query = {"_id": {"$in": sorted(runs)}, "state": {"$in": [str(state) for state in COLD_STATES]}}
    rows = db[names.ARCHIVE_MANIFESTS].find(query, session=session) if runs else ()
    manifests = {row["_id"]: from_document(row) for row in rows}
    paths = {run: {file.path for file in manifest.files} for run, manifest in manifests.items()}
    still = {
        order_id: cold[order_id].document
        for order_id in order_ids
        if order_id in cold
        and all(
            place.path in paths.get(place.run, ()) and order_id not in manifests[place.run].superseded
            for place in cold[order_id].places
        )
    }
    return _Snapshot(events, hot, still, manifests)


@dataclass
class _Changes:
    """What a transaction changes."""

    inserts: list[Document] = field(default_factory=list)
    updates: list[AppliedLate] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    rollups: Rollups = field(default_factory=Rollups)
    days: set[int] = field(default_factory=set)

    @property
    def brought_back(self) -> list[int]:
        """Orders that were not hot."""
        return [order["_id"] for order in self.inserts]

    def add(self, applied: AppliedLate, *, was_hot: bool) -> None:
        """Take what happened to one order. One to which nothing new happened stays where it is."""
        self.outcomes += applied.outcomes
        if not applied.changed:
            return
        if was_hot:
            self.updates.append(applied)
        else:
            # Each applied step raised the version: no purge of an earlier copy matches this row.
            self.inserts.append(applied.after)
        accumulate(self.rollups, applied.before, -1)
        accumulate(self.rollups, applied.after, 1)
        self.days |= touched_days(applied.after, applied.before)

    def counts(self) -> Rehydrated:
        """In numbers."""
        became = Counter(outcome.name for outcome in self.outcomes)
        return Rehydrated(len(self.inserts), len(self.updates), became[APPLIED], became[DUPLICATE], became[DEAD])


def _write_orders(db: MongoDatabase, session: ClientSession, changes: _Changes) -> None:
    now = datetime.now(UTC)
    if changes.inserts:
        db[names.ORDERS].insert_many(changes.inserts, ordered=False, session=session)
    updates = [
        UpdateOne(
            {"_id": change.before["_id"], "version": change.before["version"]},
            {"$set": {"delivery": change.after["delivery"], "version": change.after["version"]}},
        )
        for change in changes.updates
    ]
    if updates and db[names.ORDERS].bulk_write(updates, session=session).matched_count != len(updates):
        raise UnavailableError(
            "Orders changed while their late events were applied. Nothing was written; run it again."
        )
    add_increments(db, changes.rollups.increments(PARTITION, now), session)
    mark_dirty_days(db, changes.days, PARTITION, now, session)


def _supersede(
    db: MongoDatabase,
    session: ClientSession,
    order_ids: Collection[int],
    cold: Mapping[int, ColdOrder],
    manifests: Mapping[str, Manifest],
) -> None:
    """Tell readers of the runs that these orders count as hot rows now."""
    changed = {run: manifest.superseded.copy() for run, manifest in manifests.items()}
    for order_id in order_ids:
        for place in cold[order_id].places:
            changed[place.run].add(order_id)
    for run, superseded in changed.items():
        if superseded != manifests[run].superseded:
            db[names.ARCHIVE_MANIFESTS].update_one(
                {"_id": run}, {"$set": {"superseded": bitmap_to(superseded)}}, session=session
            )


def _consume(db: MongoDatabase, session: ClientSession, outcomes: Sequence[Outcome]) -> None:
    """Remove late events, keep those that are impossible as dead letters, and count what they became."""
    if not outcomes:
        return
    now = datetime.now(UTC)
    counted: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    letters = []
    for outcome in outcomes:
        topic, partition = outcome.event["topic"], outcome.event["partition"]
        counted[topic, partition][outcome.name] += 1
        if outcome.rejected:
            letters.append(dead_letter(topic, partition, record_of(outcome.event), outcome.rejected, now))
    db[names.LATE_EVENTS].delete_many({"_id": {"$in": [outcome.event["_id"] for outcome in outcomes]}}, session=session)
    if letters:
        db[names.DEAD_LETTERS].insert_many(letters, ordered=False, session=session)
    add_late_outcomes(db, counted, session)


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
