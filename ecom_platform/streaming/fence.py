"""Taking over the stream: end what a predecessor left open, take the token, find the offsets to start from.

The order matters. A writer that was killed leaves its transaction open on the server, which would block its successor
for a minute or more: first its sessions are killed, then the token is taken, and only then the offset is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from bson.binary import Binary
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from ecom_platform.errors import DataLost, Fenced, TopicReplaced, UsageError
from ecom_platform.kafka.topic import TopicState
from ecom_platform.store import MongoDatabase
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document
from ecom_platform.streaming.poison import EMPTY_WINDOW
from ecom_platform.streaming.skips import Skip

Ends = Callable[[list[int]], Mapping[int, int]]


def record_session(db: MongoDatabase, topic: str, partition: int, session: ClientSession) -> None:
    """Remember a worker's session, so that a successor can kill the transaction it may leave open."""
    db[names.STREAM_SESSIONS].update_one(
        {"_id": f"{topic}-{partition}"},
        {"$addToSet": {"sessions": session.session_id["id"]}, "$set": {"at": datetime.now(UTC)}},
        upsert=True,
    )


def end_sessions(db: MongoDatabase, state: TopicState) -> None:
    """End the sessions of earlier streams, and so the transactions that a killed one left open."""
    for partition in state.begin:
        document_id = f"{state.topic}-{partition}"
        row = db[names.STREAM_SESSIONS].find_one({"_id": document_id})
        if row is None or not row["sessions"]:
            continue
        sessions: list[Binary] = row["sessions"]
        db.client.admin.command({"killSessions": [{"id": session} for session in sessions]})
        db[names.STREAM_SESSIONS].update_one({"_id": document_id}, {"$pullAll": {"sessions": sessions}})


def take_partitions(
    db: MongoDatabase,
    state: TopicState,
    token: int,
    ends: Ends,
    *,
    accept_loss: bool = False,
    accept_dead: bool = False,
    skips: Sequence[Skip] = (),
) -> dict[int, int]:
    """Make this stream the only writer of every partition; return the offset to start from, by partition.

    Args:
        state: the topic as the broker describes it.
        token: fence token of this stream's lease; larger than that of every earlier one.
        ends: reads where partitions end now; until the token is taken, a predecessor may go on beyond `state`.
        accept_loss: go on where Kafka's log begins when offsets were deleted before they were applied.
        accept_dead: start with an empty window of dead events.
        skips: offsets that cannot be read, and that a person decided to go on without.

    Raises:
        Fenced: a newer stream holds a partition.
        TopicReplaced: the stored offsets belong to a topic that was deleted.
        DataLost: Kafka deleted offsets that were never applied.
        UsageError: a skip does not begin where the stream stands.
    """
    positions = {}
    for partition in sorted(state.begin):
        row = _take_partition(db, state, partition, token, accept_dead=accept_dead)
        refuse_another_topic(state.topic, row["topic_id"], state.topic_id)
        _refuse_a_shorter_log(row, ends([partition])[partition])
        positions[partition] = int(row["next"])
    for skip in skips:
        _skip(db, state, token, skip, positions)
    lost = {partition: at for partition, at in positions.items() if at < state.begin[partition]}
    if lost and not accept_loss:
        raise _data_lost(state, lost)
    for partition, at in lost.items():
        _count_lost(db, f"{state.topic}-{partition}", token, at, state.begin[partition], "deleted by Kafka")
    return {partition: max(at, state.begin[partition]) for partition, at in positions.items()}


def refuse_another_topic(topic: str, stored_id: str, found_id: str) -> None:
    """Raise TopicReplaced unless the broker's topic is the one whose offsets are stored."""
    if found_id != stored_id:
        raise TopicReplaced(
            f"The topic {topic} was deleted and created again (id {found_id}, offsets are of {stored_id}). Nothing of "
            "the new one was applied. Restore the old one, give the new one another name (ECOM_TOPIC), or start over "
            "with `ecom reset --yes`."
        )


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


def _refuse_a_shorter_log(row: Document, end: int) -> None:
    if row["next"] > end:
        raise TopicReplaced(
            f"{row['_id']} was applied up to offset {row['next']}, but the topic ends at {end}: the broker lost its "
            "log. Nothing of it was applied. Restore the broker's data, or start over with `ecom reset --yes`."
        )


def _skip(db: MongoDatabase, state: TopicState, token: int, skip: Skip, positions: dict[int, int]) -> None:
    if skip.topic != state.topic or skip.partition not in positions:
        raise UsageError(f"--skip {skip}: the stream reads {state.topic}, partitions {sorted(positions)}.")
    at = positions[skip.partition]
    goes_on = skip.after(at, state.end[skip.partition])
    if goes_on != at:
        _count_lost(db, f"{state.topic}-{skip.partition}", token, at, goes_on, "could not be read")
        positions[skip.partition] = goes_on


def _data_lost(state: TopicState, lost: Mapping[int, int]) -> DataLost:
    places = ", ".join(
        f"{state.topic}-{partition} (offsets {at} to {state.begin[partition] - 1})" for partition, at in lost.items()
    )
    count = sum(state.begin[partition] - at for partition, at in lost.items())
    return DataLost(
        f"Kafka deleted {count} events of {places} before they were applied. Nothing was skipped. Restore them, or go "
        "on without them: `ecom stream --accept-loss`."
    )


def _count_lost(db: MongoDatabase, document_id: str, token: int, stored: int, next_: int, why: str) -> None:
    """Step over offsets that a person decided to go on without: counted as lost, and kept with the time and reason."""
    loss = {"first": stored, "next": next_, "why": why, "at": datetime.now(UTC)}
    moved = db[names.STREAM_OFFSETS].update_one(
        {"_id": document_id, "token": token, "next": stored},
        {"$set": {"next": next_}, "$inc": {"counters.lost": next_ - stored}, "$push": {"losses": loss}},
    )
    if not moved.matched_count:
        raise Fenced(f"{document_id} is held by a newer stream than token {token}. Nothing was skipped.")
