"""Late events: what happened to orders after they were archived. They wait until their orders are brought back.

In the stream's counters an event stays `late` for ever; what it became is counted here, so that both the offsets and
the facts can be accounted for.

    archive_state: {_id: "late/<topic>-<partition>", topic, partition, applied, duplicate, dead}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVE_STATE, LATE_EVENTS


@dataclass(frozen=True, slots=True)
class LateOutcomes:
    """What the consumed late events of a partition became."""

    applied: int = 0
    duplicate: int = 0
    dead: int = 0

    @property
    def total(self) -> int:
        """All consumed late events."""
        return self.applied + self.duplicate + self.dead


def read_late_outcomes(
    db: MongoDatabase, topic: str, *, session: ClientSession | None = None
) -> dict[int, LateOutcomes]:
    """By partition, where there were any. Raises UnavailableError."""
    with mongo_errors("reading what became of late events"):
        rows = db[ARCHIVE_STATE].find({"topic": topic}, session=session)
        return {
            row["partition"]: LateOutcomes(row.get("applied", 0), row.get("duplicate", 0), row.get("dead", 0))
            for row in rows
        }


def add_late_outcomes(
    db: MongoDatabase, outcomes: Mapping[tuple[str, int], Counter[str]], session: ClientSession
) -> None:
    """Count consumed late events by (topic, partition), in the transaction that consumes them."""
    counted = [
        UpdateOne(
            {"_id": f"late/{topic}-{partition}"},
            {"$inc": dict(counts), "$setOnInsert": {"topic": topic, "partition": partition}},
            upsert=True,
        )
        for (topic, partition), counts in outcomes.items()
    ]
    if counted:
        db[ARCHIVE_STATE].bulk_write(counted, ordered=False, session=session)


def count_waiting(db: MongoDatabase) -> int:
    """Late events that wait now. Raises UnavailableError."""
    with mongo_errors("counting late events"):
        return db[LATE_EVENTS].count_documents({})
