"""What a live stream reports about the facts: they were materialized when events were applied, else observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import dagster as dg

from ecom_platform.orchestration.sensor_state import repeat_is_due
from ecom_platform.orchestration.tables import FACTS, fact_key
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.offsets import PartitionOffsets, read_offsets
from ecom_platform.store.progress import Progress, read_progress

# The stream rewrites its progress every half second; so much silence is a stall, not a slow moment.
STALLED_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Written:
    """What the last rows in the event log said, and when; at first nothing was said."""

    at: float = 0.0
    position: int = -1
    stalled: bool = False
    restarts: int = 0

    def after(self, position: int, restarts: int, now: float, *, stalled: bool) -> Written:
        """Itself while no row is due: the stream stalled, moved again or was restarted, or a repeat is due."""
        changed = (stalled, restarts) != (self.stalled, self.restarts)
        if not changed and not repeat_is_due(self.at, now):
            return self
        return Written(now, self.position if stalled else position, stalled, restarts)


def events(
    db: MongoDatabase, topic: str, now: datetime, restarts: int, last: Written
) -> tuple[Written, list[dg.AssetMaterialization | dg.AssetObservation]]:
    """What is written now, and its events; `last` and none while no row is due.

    One materialization per fact when events were applied since the last one, else one observation of the orders.

    Raises:
        UnavailableError: MongoDB does not answer.
    """
    progress = read_progress(db, topic)
    silent = (now - min(part.updated_at for part in progress)).total_seconds() if progress else None
    stalled = silent is None or silent > STALLED_SECONDS
    position = sum(part.next for part in progress)
    written = last.after(position, restarts, now.timestamp(), stalled=stalled)
    if written is last:
        return last, []
    metadata = stream_metadata(progress, read_offsets(db, topic), restarts)
    if written.position == last.position:
        text = "The stream shows no progress." if stalled else "No event came."
        observed = dg.AssetObservation(fact_key("orders"), metadata={**metadata, "stalled": stalled}, description=text)
        return written, [observed]
    rows = fact_rows(db)
    return written, [
        dg.AssetMaterialization(
            fact_key(name),
            metadata=metadata | ({"dagster/row_count": dg.MetadataValue.int(rows[name])} if name in rows else {}),
        )
        for name in FACTS
    ]


def stream_metadata(
    progress: Sequence[Progress], offsets: dict[int, PartitionOffsets], restarts: int = 0
) -> dict[str, dg.MetadataValue]:
    """Figures of the stream as Dagster plots them: events, seconds, and the time of the newest applied record."""
    last = max((part.last_record_at for part in progress if part.last_record_at), default=None)
    counters = [part.counters for part in offsets.values()]
    metadata: dict[str, dg.MetadataValue] = {
        "lag_events": dg.MetadataValue.int(sum(part.lag for part in progress)),
        "batch_seconds": dg.MetadataValue.float(max((part.batch_seconds for part in progress), default=0.0)),
        "applied_events": dg.MetadataValue.int(sum(counter.applied for counter in counters)),
        "duplicate_events": dg.MetadataValue.int(sum(counter.duplicate for counter in counters)),
        "dead_events": dg.MetadataValue.int(sum(counter.dead for counter in counters)),
        "restarts": dg.MetadataValue.int(restarts),
    }
    if last is not None:
        metadata["last_record_at"] = dg.MetadataValue.timestamp(last)
    return metadata


def fact_rows(db: MongoDatabase) -> dict[str, int]:
    """Rows of the facts that are collections, from the collections' own counts; a view would have to be scanned."""
    with mongo_errors("counting the facts"):
        orders = db[names.ORDERS].estimated_document_count()
        dead_letters = db[names.DEAD_LETTERS].estimated_document_count()
    # One delivery is embedded in every order; items are counted only when a person materializes the facts.
    return {"orders": orders, "deliveries": orders, "dead_letters": dead_letters}


def count_items(db: MongoDatabase) -> int:
    """Rows of the order items: the sum over all orders, a scan. Raises UnavailableError."""
    with mongo_errors("counting the order items"):
        pipeline = [{"$group": {"_id": None, "rows": {"$sum": {"$size": "$order_items"}}}}]
        rows = list(db[names.ORDERS].aggregate(pipeline))
    return int(rows[0]["rows"]) if rows else 0
