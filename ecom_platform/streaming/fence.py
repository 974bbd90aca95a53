"""Taking over the stream: end what a predecessor left open, take the token, find the offsets to start from.

The order matters. A writer that was killed leaves its transaction open on the server, which would block its successor
for a minute or more: first its sessions are killed, then the token is taken, and only then the offset is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bson.binary import Binary
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from ecom_platform.errors import DataLost, Fenced, TopicReplaced
from ecom_platform.store import MongoDatabase
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document
from ecom_platform.streaming.poison import EMPTY_WINDOW
from ecom_platform.streaming.topic import TopicState

__all__ = ["record_session", "skip_tail", "take_over"]


def record_session(db: MongoDatabase, topic: str, partition: int, session: ClientSession) -> None:
    """Remember a worker's session, so that a successor can kill the transaction it may leave open."""
    db[names.STREAM_SESSIONS].update_one(
        {"_id": f"{topic}-{partition}"},
        {"$addToSet": {"sessions": session.session_id["id"]}, "$set": {"at": datetime.now(UTC)}},
        upsert=True,
    )


def take_over(
    db: MongoDatabase,
    state: TopicState,
    token: int,
    ends: Callable[[list[int]], Mapping[int, int]],
    *,
    accept_loss: bool = False,
    accept_dead: bool = False,
) -> dict[int, int]:
    """Make this stream the only writer of every partition; return the offset to start from, by partition.

    Args:
        state: the topic as the broker describes it.
        token: fence token of this stream's lease; larger than that of every earlier one.
        ends: reads where partitions end now; until the token is taken, a predecessor may go on beyond `state`.
        accept_loss: go on where Kafka's log begins when offsets were deleted before they were applied.
        accept_dead: start with an empty window of dead events.

    Raises:
        Fenced: a newer stream holds a partition.
        TopicReplaced: the stored offsets belong to a topic that was deleted.
        DataLost: Kafka deleted offsets that were never applied.
    """
    _kill_sessions(db, state)
    start = {}
    for partition in sorted(state.begin):
        row = _take_partition(db, state, partition, token, accept_dead=accept_dead)
        stored, begin = int(row["next"]), state.begin[partition]
        _refuse_another_topic(row, state, ends([partition])[partition])
        if stored < begin:
            _accept_or_refuse_loss(db, row["_id"], token, stored, begin, accept_loss=accept_loss)
        start[partition] = max(stored, begin)
    return start


def skip_tail(db: MongoDatabase, topic: str, token: int, reached: Mapping[int, int]) -> None:
    """Advance partitions whose batch ended in offsets without records (markers of transactions), counted as gap.

    Args:
        reached: the end of the last planned batch, by partition; every record below it was handed to the sink.
    """
    for partition, end in reached.items():
        document_id = f"{topic}-{partition}"
        row = db[names.STREAM_OFFSETS].find_one({"_id": document_id, "token": token}, {"next": 1})
        if row is not None and row["next"] < end:
            # Guarded by the offset that was read, so it can never step over records of a batch in flight.
            db[names.STREAM_OFFSETS].update_one(
                {"_id": document_id, "token": token, "next": row["next"]},
                {"$set": {"next": end}, "$inc": {"counters.gap": end - row["next"]}},
            )


def _kill_sessions(db: MongoDatabase, state: TopicState) -> None:
    for partition in state.begin:
        document_id = f"{state.topic}-{partition}"
        row = db[names.STREAM_SESSIONS].find_one({"_id": document_id})
        if row is None or not row["sessions"]:
            continue
        sessions: list[Binary] = row["sessions"]
        db.client.admin.command({"killSessions": [{"id": session} for session in sessions]})
        db[names.STREAM_SESSIONS].update_one({"_id": document_id}, {"$pullAll": {"sessions": sessions}})


def _take_partition(db: MongoDatabase, state: TopicState, partition: int, token: int, *, accept_dead: bool) -> Document:
    """Write the token into a partition's offset document, which is made if need be; return the document."""
    offsets = db[names.STREAM_OFFSETS]
    document_id = f"{state.topic}-{partition}"
    begin = state.begin[partition]
    offsets.update_one(
        {"_id": document_id},
        {
            "$setOnInsert": {
                "topic": state.topic,
                "partition": partition,
                "topic_id": state.topic_id,
                "first": begin,
                "next": begin,
                "token": 0,
                "counters": dict.fromkeys(("applied", "duplicate", "dead", "late", "gap", "lost"), 0),
                "window": EMPTY_WINDOW,
                "last_record_at": None,
                "updated_at": datetime.now(UTC),
            }
        },
        upsert=True,
    )
    fresh_window = {"window": EMPTY_WINDOW} if accept_dead else {}
    row = offsets.find_one_and_update(
        {"_id": document_id, "token": {"$lte": token}},
        {"$set": {"token": token, **fresh_window}},
        return_document=ReturnDocument.AFTER,
    )
    if row is None:
        raise Fenced(f"{document_id} is held by a newer stream than token {token}. Nothing was written.")
    return row


def _refuse_another_topic(row: Document, state: TopicState, end: int) -> None:
    if row["topic_id"] != state.topic_id:
        raise TopicReplaced(
            f"The topic {state.topic} was deleted and created again (id {state.topic_id}, offsets are of "
            f"{row['topic_id']}). Nothing was applied. Restore the topic, or start over with `ecom reset --yes`."
        )
    if row["next"] > end:
        raise TopicReplaced(
            f"{row['_id']} was applied up to offset {row['next']}, but the topic ends at {end}: the broker lost its "
            "log. Nothing was applied. Restore the broker's data, or start over with `ecom reset --yes`."
        )


def _accept_or_refuse_loss(
    db: MongoDatabase, document_id: str, token: int, stored: int, begin: int, *, accept_loss: bool
) -> None:
    if not accept_loss:
        raise DataLost(
            f"Kafka deleted {begin - stored} events of {document_id} (offsets {stored} to {begin - 1}) before they "
            "were applied. Nothing was skipped. Restore them, or go on without them: `ecom stream --accept-loss`."
        )
    db[names.STREAM_OFFSETS].update_one(
        {"_id": document_id, "token": token, "next": stored},
        {"$set": {"next": begin}, "$inc": {"counters.lost": begin - stored}},
    )
