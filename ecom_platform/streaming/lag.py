"""How far the stream is behind: what the topic holds minus what was applied.

The applied offsets come from `stream_offsets`, which move in the same transaction as the facts. A consumer group would
be wrong: Spark commits none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, PartitionOffsets, read_offsets
from ecom_platform.streaming.topic import TopicReader, TopicState

__all__ = ["Lag", "PartitionLag", "lag_of", "read_lag"]


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition: `lag` = `end` − `next` events; `next` is where the stream goes on."""

    partition: int
    next: int
    begin: int
    end: int
    lag: int
    last_record_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of a topic, in events."""

    partitions: list[PartitionLag]

    @property
    def total(self) -> int:
        """Events that were not yet applied."""
        return sum(partition.lag for partition in self.partitions)


def lag_of(state: TopicState, offsets: Mapping[int, PartitionOffsets]) -> Lag:
    """Subtract the applied offsets from the topic's; a partition the stream never saw lags by all it holds."""
    partitions = []
    for partition, end in sorted(state.end.items()):
        applied = offsets.get(partition)
        begin = state.begin[partition]
        position = applied.next if applied else begin
        last = applied.last_record_at if applied else None
        partitions.append(PartitionLag(partition, position, begin, end, max(end - position, 0), last))
    return Lag(partitions)


def read_lag(settings: Settings, db: MongoDatabase, budget_seconds: float = 10.0) -> Lag:
    """Read the lag within a time budget.

    Raises:
        UnavailableError: Kafka or MongoDB did not answer in time.
    """
    started = time.monotonic()
    offsets = read_offsets(db, settings.topic)
    left = max(budget_seconds - (time.monotonic() - started), 1.0)
    with TopicReader(settings, timeout_seconds=left) as reader:
        return lag_of(reader.state(), offsets)
