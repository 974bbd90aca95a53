"""The one transaction that brings archived orders back: late events in, hot rows out, all of it or nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Final

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ecom_platform.archive.late import AppliedLate, Outcome, apply_late_events, record_of
from ecom_platform.archive.lookup import ColdOrder
from ecom_platform.errors import UnavailableError
from ecom_platform.kpi import Rollups, accumulate
from ecom_platform.store import Lease, MongoDatabase
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document
from ecom_platform.store.late_events import add_late_outcomes
from ecom_platform.store.manifests import COLD_STATES, Manifest, bitmap_to, from_document
from ecom_platform.store.rollups import add_increments
from ecom_platform.streaming.dead_letters import dead_letter, mark_dirty_days
from ecom_platform.streaming.fold import APPLIED, DEAD, DUPLICATE, touched_days

PARTITION: Final = -1
"""The partition under which rollups are written that no partition of the topic writes."""


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


@dataclass
class Attempt:
    """One transaction over some orders. Its body may run several times; only the last one counts.

    Attributes:
        lease: of the archiver; the transaction commits only while it is held.
        order_ids: those it is about.
        cold: those of them that were found in the archive.
        refused: late events, by id, whose outcome MongoDB could not store, with its error.
        last_applied: the last late event that was applied.
    """

    db: MongoDatabase
    lease: Lease
    order_ids: Sequence[int]
    cold: Mapping[int, ColdOrder]
    history_start: datetime
    refused: Mapping[str, str]
    last_applied: str | None = None

    def write(self, session: ClientSession) -> Rehydrated:
        """The body of the transaction."""
        snapshot = _read(self.db, session, self.order_ids, self.cold)
        changes = _Changes()
        for order_id, events in snapshot.events.items():
            before = snapshot.hot.get(order_id) or snapshot.cold.get(order_id)
            if before is not None:
                applied = apply_late_events(before, events, self.history_start, self.refused)
                changes.add(applied, was_hot=order_id in snapshot.hot)
        last = [outcome.event["_id"] for outcome in changes.outcomes if outcome.name == APPLIED]
        self.last_applied = last[-1] if last else None
        _write_orders(self.db, session, changes)
        _supersede(self.db, session, changes.brought_back, self.cold, snapshot.manifests)
        _consume(self.db, session, changes.outcomes)
        # Last, so that a transaction that is left open locks no process out of the lease.
        self.lease.confirm(session)
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
