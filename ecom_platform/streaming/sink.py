"""One chunk, one transaction: facts, dead letters, rollups and the offsets they stand for, all or nothing.

The first write moves the partition's offset under the condition that it is where this chunk starts and that the writer
still holds its token. A task that was overtaken matches nothing and stops; what was committed is never applied twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ecom_platform.contract import Reason, Rejected
from ecom_platform.errors import Fenced, PoisonedTopic, UnavailableError
from ecom_platform.kpi import Grain, bucket_time
from ecom_platform.kpi.buckets import bucket_label
from ecom_platform.store import DimensionTables, MongoDatabase
from ecom_platform.store import collections as names
from ecom_platform.store.archived import ArchivedIds, read_archived_ids, read_epoch
from ecom_platform.store.client import Document
from ecom_platform.store.rollups import add_increments
from ecom_platform.store.transactions import commit_in_halves, is_data_error, run_transaction
from ecom_platform.streaming.dead_letters import dead_letter, mark_dirty_days, record_fields
from ecom_platform.streaming.fold import ChunkWrites, Known, fold_chunk, order_ids, receipt_ids
from ecom_platform.streaming.latency_histogram import wait_bins
from ecom_platform.streaming.poison import EMPTY_WINDOW, is_poisoned, slide
from ecom_platform.streaming.records import DecodedRecord, Record, decode_records


class ArchivedCache:
    """The archived orders as the last committed chunk saw them.

    What a transaction read counts only once it is committed: before that, the epoch it saw could be undone by a server
    that lost its last writes, and another change could get the same number.
    """

    def __init__(self) -> None:
        self._kept = ArchivedIds()

    def read(self, db: MongoDatabase, session: ClientSession) -> ArchivedIds:
        """The archived orders in the snapshot of the session's transaction: read again when the epoch moved."""
        if read_epoch(db, session) == self._kept.epoch:
            return self._kept
        return read_archived_ids(db, self._kept, session=session)

    def keep(self, found: ArchivedIds) -> None:
        """Remember what a transaction read that is committed now."""
        self._kept = found


@dataclass(frozen=True, slots=True)
class Sink:
    """Writes the chunks of one partition under one token.

    Attributes:
        session: a session of this worker, recorded so that a successor can kill a transaction left open.
        history_start: first instant an order may be placed at.
        archived: what this worker knows of the archived orders, shared by its sinks.
    """

    db: MongoDatabase
    session: ClientSession
    topic: str
    partition: int
    token: int
    tables: DimensionTables
    history_start: datetime
    archived: ArchivedCache = field(default_factory=ArchivedCache)

    @property
    def offsets_id(self) -> str:
        """`_id` of the partition's offset document."""
        return f"{self.topic}-{self.partition}"

    def position(self) -> int:
        """Return the next offset to apply.

        Raises:
            Fenced: another stream holds the partition.
            UnavailableError: the stream has not taken this partition over.
        """
        row = self.db[names.STREAM_OFFSETS].find_one({"_id": self.offsets_id}, {"next": 1, "token": 1})
        if row is None:
            raise UnavailableError(
                f"{self.offsets_id} has no offset document: the partition is new, or the document was removed. Nothing "
                "was written; the next start of the stream makes it."
            )
        if row["token"] != self.token:
            raise self._fenced(row)
        return int(row["next"])

    def commit(self, start: int, records: Sequence[Record]) -> int:
        """Apply a chunk that begins at the stored offset `start`; return the new one.

        A data error of the server bisects the chunk until the one document that cannot be stored is a dead letter; a
        chunk that is too large for the server's time limit is cut as well.

        Raises:
            Fenced: another stream holds the partition; nothing of this chunk was written.
            PoisonedTopic: the chunk was committed, and too many of the last events were dead.
            UnavailableError: an earlier attempt of this task is still committing; nothing was written, try again.
        """
        position = start

        def commit(part: Sequence[DecodedRecord]) -> None:
            nonlocal position
            position = self._commit(position, part)

        commit_in_halves(decode_records(records, self.history_start), commit, _set_aside_refused)
        return position

    def _commit(self, start: int, records: Sequence[DecodedRecord]) -> int:
        end = records[-1].record.offset + 1
        poisoned, archived = run_transaction(self.session, lambda session: self._write(session, start, end, records))
        self.archived.keep(archived)
        if poisoned:
            raise PoisonedTopic(
                f"Too many of the last events of {self.offsets_id} are dead letters; everything up to offset {end} is "
                "applied. Look at dead_letters, mend the producer, then run `ecom stream --accept-dead`."
            )
        return end

    def _write(
        self, session: ClientSession, start: int, end: int, records: Sequence[DecodedRecord]
    ) -> tuple[bool, ArchivedIds]:
        """The body of the transaction; returns whether the partition is poisoned, and the archived orders it saw."""
        before = self._advance(session, start, end)
        # In the snapshot of the orders: an order is hot, or archived, or was never placed, and never in between.
        archived = self.archived.read(self.db, session)
        known = self._known(session, start, end, records, archived, before["topic_id"])
        writes = fold_chunk(records, known, self.tables, self.topic, self.partition)
        now = datetime.now(UTC)
        self._write_facts(session, writes)
        self._set_aside(session, writes, now)
        add_increments(self.db, writes.rollups.increments(self.partition, now), session)
        self._write_minutes(session, writes, records, now)
        mark_dirty_days(self.db, writes.touched_days, self.partition, now, session)
        window = slide(before.get("window") or EMPTY_WINDOW, writes.dead_flags)
        counters = {**writes.counters, "gap": end - start - len(records)}
        self.db[names.STREAM_OFFSETS].update_one(
            {"_id": self.offsets_id},
            {
                "$inc": {f"counters.{name}": count for name, count in counters.items() if count},
                "$set": {"window": window, "last_record_at": records[-1].record.time, "updated_at": now},
            },
            session=session,
        )
        return is_poisoned(window), archived

    def _advance(self, session: ClientSession, start: int, end: int) -> Document:
        """The fence: move the offset, only from where this chunk starts and only with the token."""
        fence = {"_id": self.offsets_id, "token": self.token, "next": start}
        before = self.db[names.STREAM_OFFSETS].find_one_and_update(fence, {"$set": {"next": end}}, session=session)
        if before is not None:
            return before
        row = self.db[names.STREAM_OFFSETS].find_one({"_id": self.offsets_id}, session=session)
        if row is None or row["token"] != self.token:
            raise self._fenced(row)
        raise UnavailableError(
            f"{self.offsets_id} stands at {row['next']}, not at {start}: another attempt of this task is committing. "
            "Nothing was written; the next attempt goes on from there."
        )

    def _fenced(self, row: Document | None) -> Fenced:
        holder = f"token {row['token']}" if row else "none: the offset document is gone"
        return Fenced(
            f"{self.offsets_id} is now written by {holder}, not by token {self.token}. Nothing more was written. "
            "`ecom status` shows the stream that runs."
        )

    def _known(
        self,
        session: ClientSession,
        start: int,
        end: int,
        records: Sequence[DecodedRecord],
        archived: ArchivedIds,
        topic_id: str,
    ) -> Known:
        ids, receipts = order_ids(records), receipt_ids(records)
        dead = self.db[names.DEAD_LETTERS].find(
            {"topic": self.topic, "partition": self.partition, "offset": {"$gte": start, "$lt": end}},
            {"offset": 1},
            session=session,
        )
        stored = self.db[names.ORDERS].find({"_id": {"$in": ids}}, session=session) if ids else ()
        orders = {order["_id"]: order for order in stored}
        counted = (
            self.db[names.STOCK_RECEIPTS].find({"_id": {"$in": receipts}}, {"_id": 1}, session=session)
            if receipts
            else ()
        )
        late = self._late_events(session, ids)
        return Known(
            orders=orders,
            receipts={receipt["_id"] for receipt in counted},
            dead_offsets={letter["offset"] for letter in dead},
            late_offsets={
                event["offset"]
                for event in late
                if event["topic"] == self.topic and event["partition"] == self.partition
            },
            archived=archived.among(id_ for id_ in ids if id_ not in orders),
            waiting={event["order_id"]: event["run"] for event in late},
            topic_id=topic_id,
        )

    def _late_events(self, session: ClientSession, ids: list[int]) -> list[Document]:
        """Late events of these orders. There are none at all most of the time, which one look tells."""
        late = self.db[names.LATE_EVENTS]
        if not ids or late.find_one({}, {"_id": 1}, session=session) is None:
            return []
        fields = {"topic": 1, "partition": 1, "offset": 1, "order_id": 1, "run": 1}
        return list(late.find({"order_id": {"$in": ids}}, fields, session=session))

    def _write_facts(self, session: ClientSession, writes: ChunkWrites) -> None:
        if writes.inserts:
            self.db[names.ORDERS].insert_many(writes.inserts, ordered=False, session=session)
        if writes.updates:
            result = self.db[names.ORDERS].bulk_write(
                [
                    UpdateOne(
                        {"_id": update.order_id, "version": update.before_version},
                        {"$set": {"delivery": update.after["delivery"], "version": update.after["version"]}},
                    )
                    for update in writes.updates
                ],
                ordered=False,
                session=session,
            )
            if result.matched_count != len(writes.updates):
                raise UnavailableError(
                    f"{len(writes.updates) - result.matched_count} orders changed while {self.offsets_id} was updating "
                    "them. Nothing was written; the next attempt reads them again."
                )
        if writes.receipts:
            self.db[names.STOCK_RECEIPTS].insert_many(writes.receipts, ordered=False, session=session)

    def _set_aside(self, session: ClientSession, writes: ChunkWrites, now: datetime) -> None:
        """Keep what could not be applied: dead letters for a person, late events for rehydration."""
        letters = [
            dead_letter(self.topic, self.partition, record, rejected, now) for record, rejected in writes.dead_letters
        ]
        if letters:
            self.db[names.DEAD_LETTERS].insert_many(letters, ordered=False, session=session)
        late = [
            {
                **record_fields(self.topic, self.partition, event.record, now),
                "order_id": event.order_id,
                "event_type": event.event_type,
                "run": event.run,
            }
            for event in writes.late
        ]
        if late:
            self.db[names.LATE_EVENTS].insert_many(late, ordered=False, session=session)

    def _write_minutes(
        self, session: ClientSession, writes: ChunkWrites, records: Sequence[DecodedRecord], now: datetime
    ) -> None:
        """Count what became of the events and how long live ones waited, by minute of Kafka's clock."""
        waits = wait_bins((item.record.time_milliseconds for item in records if item.was_sent_at_once), now)
        ingested = [
            UpdateOne(
                {"_id": f"{bucket_label(Grain.MINUTE, minute)}/{self.partition}"},
                {
                    "$inc": counts | {f"waited.{number}": events for number, events in waits.get(minute, {}).items()},
                    "$setOnInsert": {"t": bucket_time(Grain.MINUTE, minute), "partition": self.partition},
                },
                upsert=True,
            )
            for minute, counts in writes.minutes.items()
            if not Grain.HALF_HOUR.expired(minute // 30, now)
        ]
        if ingested:
            self.db[names.INGEST_MINUTE].bulk_write(ingested, ordered=False, session=session)


def _set_aside_refused(item: DecodedRecord, error: Exception) -> Sequence[DecodedRecord]:
    """The one record that is to blame, as a dead letter; an error that is not the data's fault is raised again."""
    if not is_data_error(error) or isinstance(item.outcome, Rejected):
        raise error
    rejected = Rejected(Reason.NOT_STORABLE, f"MongoDB refused the document: {error}")
    return [DecodedRecord(item.record, rejected)]
