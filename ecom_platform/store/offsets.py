"""Where the stream stands, as its own transactions recorded it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from pymongo.client_session import ClientSession

from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import STREAM_OFFSETS


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the offsets of one partition; every offset is in exactly one of them."""

    applied: int = 0
    duplicate: int = 0
    dead: int = 0
    late: int = 0
    gap: int = 0
    lost: int = 0

    @property
    def total(self) -> int:
        """All offsets accounted for."""
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class PartitionOffsets:
    """One partition: offsets in [first, next) are accounted for by `counters`."""

    topic: str
    partition: int
    topic_id: str
    first: int
    next: int
    token: int
    counters: Counters
    last_record_at: datetime | None
    updated_at: datetime | None


def read_offsets(db: MongoDatabase, topic: str, *, session: ClientSession | None = None) -> dict[int, PartitionOffsets]:
    """The partitions of a topic that the stream has seen, by number. Raises UnavailableError."""
    with mongo_errors("reading the stream's offsets"):
        rows = db[STREAM_OFFSETS].find({"topic": topic}, session=session).sort("partition")
        return {row["partition"]: _from_document(row) for row in rows}


def _from_document(row: Document) -> PartitionOffsets:
    counters = row.get("counters", {})
    return PartitionOffsets(
        topic=row["topic"],
        partition=row["partition"],
        topic_id=row["topic_id"],
        first=row["first"],
        next=row["next"],
        token=row["token"],
        counters=Counters(**{field.name: counters.get(field.name, 0) for field in fields(Counters)}),
        last_record_at=row.get("last_record_at"),
        updated_at=row.get("updated_at"),
    )
