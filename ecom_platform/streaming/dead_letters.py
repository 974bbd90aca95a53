"""What the stream and rehydration both write: dead letters, late events, marks of days that changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bson.binary import Binary
from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ecom_platform.contract import Rejected
from ecom_platform.kpi import Grain
from ecom_platform.kpi.buckets import bucket_label
from ecom_platform.store import MongoDatabase
from ecom_platform.store import collections as names
from ecom_platform.streaming.records import Record


def record_fields(topic: str, partition: int, record: Record, now: datetime) -> dict[str, Any]:
    """What is kept of a record that is set aside; `_id` is its place in the topic, so that it is kept once."""
    return {
        "_id": f"{topic}-{partition}-{record.offset}",
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "key": _binary(record.key),
        "raw": _binary(record.value),
        "kafka_time": record.time,
        "seen_at": now,
    }


def dead_letter(topic: str, partition: int, record: Record, rejected: Rejected, now: datetime) -> dict[str, Any]:
    """The document of a message that could not be applied; one that was cut cannot be replayed, and says so."""
    cut = record.cut
    whole = {"raw_bytes": len(record.value or b""), "replayable": True}
    return {
        **record_fields(topic, partition, record, now),
        "reason": rejected.reason.value,
        "error": rejected.error[:2_000],
        **({"raw_bytes": cut.value_bytes, "raw_sha256": cut.sha256, "replayable": False} if cut else whole),
        "replayed_at": None,
    }


def mark_dirty_days(
    db: MongoDatabase, days: Iterable[int], partition: int, now: datetime, session: ClientSession
) -> None:
    """Mark days (counted since 1970) whose KPIs have to be computed again."""
    marks = [
        UpdateOne(
            {"_id": f"{day}/{partition}"},
            {"$set": {"at": now}, "$setOnInsert": {"day": day, "partition": partition}},
            upsert=True,
        )
        for day in (bucket_label(Grain.DAY, number) for number in sorted(days))
    ]
    if marks:
        db[names.DIRTY_DAYS].bulk_write(marks, ordered=False, session=session)


def _binary(content: bytes | None) -> Binary | None:
    return None if content is None else Binary(content)
