"""How far the stream is behind: what the topic holds minus what was applied.

The applied offsets come from `stream_offsets`, which move in the same transaction as the facts. A consumer group would
be wrong: Spark commits none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ecom_platform.kafka.held import Held
from ecom_platform.kafka.topic import TopicReader, TopicState
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, PartitionOffsets, Progress, read_offsets, read_progress


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition: `lag` = `end` − `next` events; `next` is where the stream goes on.

    Attributes:
        held: events among them that cannot be read, because a transaction before them is still open; `held_since`.
        replaced: the topic is another one than the one that was applied.
    """

    partition: int
    next: int
    begin: int
    end: int
    lag: int
    last_record_at: datetime | None
    held: int = 0
    held_since: datetime | None = None
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of a topic, in events."""

    partitions: list[PartitionLag]

    @property
    def total(self) -> int:
        """Events that were not yet applied."""
        return sum(partition.lag for partition in self.partitions)

    @property
    def held(self) -> list[Held]:
        """Those of them that an open transaction holds back."""
        return [Held(one.partition, one.held, one.held_since) for one in self.partitions if one.held]


def lag_of(
    state: TopicState, offsets: Mapping[int, PartitionOffsets], seen: Mapping[int, Progress] | None = None
) -> Lag:
    """Subtract the applied offsets from the topic's; a partition the stream never saw lags by all it holds.

    Args:
        seen: the stream's last heartbeats: they tell since when a transaction is open where Kafka does not.
    """
    beats = seen or {}
    return Lag([_partition_lag(state, one, offsets.get(one), beats.get(one)) for one in sorted(state.end)])


def _partition_lag(
    state: TopicState, partition: int, applied: PartitionOffsets | None, seen: Progress | None
) -> PartitionLag:
    begin, end = state.begin[partition], state.end[partition]
    position = applied.next if applied else begin
    open_ = state.open.get(partition)
    since = open_.since or (seen.held_since if seen else None) if open_ else None
    return PartitionLag(
        partition,
        position,
        begin,
        end,
        max(end - position, 0),
        applied.last_record_at if applied else None,
        held=state.held(partition, position),
        held_since=since,
        replaced=applied is not None and applied.topic_id != state.topic_id,
    )


def read_lag(settings: Settings, db: MongoDatabase, budget_seconds: float = 10.0) -> Lag:
    """Read the lag within a time budget.

    Raises:
        UnavailableError: Kafka or MongoDB did not answer in time.
    """
    started = time.monotonic()
    offsets = read_offsets(db, settings.topic)
    seen = {one.partition: one for one in read_progress(db, settings.topic)}
    left = max(budget_seconds - (time.monotonic() - started), 1.0)
    with TopicReader(settings, timeout_seconds=left) as reader:
        return lag_of(reader.state(), offsets, seen)
