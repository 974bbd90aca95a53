"""The stream's heartbeat: progress for screens and supervisors, offsets for lag tools, and the watch over its token.

A thread of the driver, beside the query: it beats whether or not there is anything to apply, so that a figure without
news is told apart from a stream that is gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pymongo import UpdateOne

from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.kafka.topic import OpenTransaction, TopicReader
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, PartitionOffsets, mongo_errors, read_offsets
from ecom_platform.store import collections as names
from ecom_platform.store.client import Document
from ecom_platform.streaming.fence import skip_tail

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    """The last micro-batch that was applied."""

    id: int = -1
    seconds: float = 0.0
    events: int = 0


class Heartbeat(threading.Thread):
    """Beats every half second until `stop`.

    Args:
        last_batch: returns the last micro-batch.
        reached: returns the end offsets of the last finished micro-batch, by partition (empty before the first).
        on_fenced: called once when another stream holds a partition.
    """

    def __init__(
        self,
        settings: Settings,
        db: MongoDatabase,
        token: int,
        *,
        last_batch: Callable[[], Batch],
        reached: Callable[[], Mapping[int, int]],
        on_fenced: Callable[[Fenced], None],
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._settings = settings
        self._db = db
        self._token = token
        self._last_batch = last_batch
        self._reached = reached
        self._on_fenced = on_fenced
        self._stopped = threading.Event()
        self._reader: TopicReader | None = None
        self._published: dict[int, int] = {}
        self._open: dict[int, OpenTransaction] = {}

    def run(self) -> None:
        """Beat; a server that does not answer is logged and asked again at the next beat."""
        while not self._stopped.wait(BEAT_SECONDS):
            try:
                self.beat()
            except UnavailableError as error:
                log.warning("heartbeat_missed error=%s", error)
                self._disconnect()
            except Fenced as error:
                self._on_fenced(error)
                return
            except Exception:
                # Without a heartbeat a healthy stream would be taken for dead; the next beat may well succeed.
                log.exception("heartbeat_failed")
                self._disconnect()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join(timeout=2.0)
        self._disconnect()

    def last_beat(self) -> None:
        """Beat once more after `stop`, so that the last micro-batch shows; it is no loss when that fails."""
        try:
            self.beat()
        except UnavailableError as error:
            log.warning("heartbeat_missed error=%s", error)
        finally:
            self._disconnect()

    def beat(self) -> None:
        """Write the progress of every partition and publish its offset.

        Raises:
            Fenced: another stream holds a partition.
            UnavailableError: Kafka or MongoDB does not answer.
        """
        with mongo_errors("writing progress", self._settings.mongodb_uri):
            topic = self._settings.topic
            offsets = read_offsets(self._db, topic)
            self._check_token(offsets)
            if self._reader is None:
                self._reader = TopicReader(self._settings)
            ends, found = self._reader.watermarks(list(offsets))
            self._open = still_open(self._open, found, datetime.now(UTC))
            skip_tail(self._db, topic, self._token, self._reached())
            self._write(offsets, ends)
        self._publish({partition: applied.next for partition, applied in offsets.items()})

    def _check_token(self, offsets: Mapping[int, PartitionOffsets]) -> None:
        for partition, applied in offsets.items():
            if applied.token != self._token:
                raise Fenced(
                    f"Partition {partition} is now written by token {applied.token}, not by {self._token}. "
                    "Nothing more was written. `ecom status` shows the stream that runs."
                )

    def _write(self, offsets: Mapping[int, PartitionOffsets], ends: Mapping[int, int]) -> None:
        batch, now = self._last_batch(), datetime.now(UTC)
        self._db[names.PROGRESS].bulk_write(
            [
                UpdateOne(
                    {"_id": f"{applied.topic}-{partition}"},
                    {
                        "$set": {
                            "topic": applied.topic,
                            "partition": partition,
                            "next": applied.next,
                            "end": ends[partition],
                            "lag": max(ends[partition] - applied.next, 0),
                            **self._held(partition, applied.next, ends[partition]),
                            "last_record_at": applied.last_record_at,
                            "updated_at": now,
                            "batch_id": batch.id,
                            "batch_seconds": batch.seconds,
                            "batch_events": batch.events,
                        }
                    },
                    upsert=True,
                )
                for partition, applied in offsets.items()
            ],
            ordered=False,
        )

    def _held(self, partition: int, next_: int, end: int) -> Document:
        open_ = self._open.get(partition)
        if open_ is None:
            return {"held": 0, "held_since": None}
        return {"held": max(end - max(open_.first, next_), 0), "held_since": open_.since}

    def _publish(self, offsets: dict[int, int]) -> None:
        if self._reader is not None and offsets != self._published:
            self._reader.publish(self._settings.consumer_group, offsets)
            self._published = offsets

    def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def still_open(
    known: Mapping[int, OpenTransaction], found: Mapping[int, OpenTransaction], now: datetime
) -> dict[int, OpenTransaction]:
    """The open transactions, each with the time it was first seen: a producer that goes on writing makes none younger.

    Args:
        known: those of the last look.
        found: those of this look, at `now`.
    """
    return {
        partition: (
            known[partition]
            if partition in known and known[partition].first == one.first
            else replace(one, since=one.since or now)
        )
        for partition, one in found.items()
    }
