"""What a live stream reports about the facts: one materialization per fact, or one observation when it stalls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import dagster as dg

from ecom_platform.orchestration.tables import FACTS, fact_key
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.offsets import PartitionOffsets, read_offsets
from ecom_platform.store.progress import Progress, read_progress

# The stream rewrites its progress every half second; so much silence is a stall, not a slow moment.
STALLED_SECONDS: Final = 30.0


def events(
    db: MongoDatabase, topic: str, now: datetime, restarts: int
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """The events of one heartbeat. A stream without recent progress gives an observation only, so that the facts'
    freshness turns red by itself. Raises UnavailableError.
    """
    progress = read_progress(db, topic)
    metadata = stream_metadata(progress, read_offsets(db, topic), restarts)
    silent = (now - min(part.updated_at for part in progress)).total_seconds() if progress else None
    if silent is None or silent > STALLED_SECONDS:
        yield dg.AssetObservation(fact_key("orders"), metadata={**metadata, "stalled": True}, description="stalled")
        return
    rows = fact_rows(db)
    for name in FACTS:
        yield dg.AssetMaterialization(fact_key(name), metadata={**metadata, **_row_count(rows.get(name))})


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


def _row_count(rows: int | None) -> dict[str, dg.MetadataValue]:
    return {} if rows is None else {"dagster/row_count": dg.MetadataValue.int(rows)}
