"""A shop whose events go through the stream's sink twice: into a store that archives, and into one that never does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ecom_platform.contract import Event
from ecom_platform.kafka.topic import TopicState
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, PartitionOffsets, ensure_schema, read_offsets
from ecom_platform.streaming.fence import take_partitions
from ecom_platform.streaming.sink import Sink
from ecom_platform_tests.archive.moving import cold_rows
from ecom_platform_tests.kpi.stored import stored_rollups
from ecom_platform_tests.streaming.events import HISTORY_START, TABLES, records


@dataclass
class Shop:
    """One partition of a topic, its store, and the same without an archive."""

    settings: Settings
    db: MongoDatabase
    sink: Sink
    shadow: Sink
    next: int = 0

    def send(self, *events: Event | bytes) -> None:
        """Apply events as one chunk, in both stores."""
        self.send_archived(*events)
        self.send_shadow(*events)

    def send_archived(self, *events: Event | bytes) -> None:
        """Apply events in the store with an archive."""
        self.next = self.sink.commit(self.next, records(events, self.next))

    def send_shadow(self, *events: Event | bytes) -> None:
        """Apply events in the store without one."""
        position = self.shadow.position()
        self.shadow.commit(position, records(events, position))

    def replay(self, events: Iterable[Event | bytes], *, offsets_lost: bool) -> None:
        """Read the topic from its beginning, with the offset documents or without."""
        if offsets_lost:
            self.db.stream_offsets.drop()
            self.sink = make_sink(self.db, self.settings.topic, token=self.sink.token + 1)
        else:
            self.db.stream_offsets.update_many({}, {"$set": {"next": 0}})
        self.next = self.sink.commit(0, records(events))

    @property
    def offsets(self) -> PartitionOffsets:
        """How the stream accounts for the offsets."""
        return read_offsets(self.db, self.settings.topic)[0]

    def orders(self) -> dict[int, dict[str, Any]]:
        """Hot and cold orders, each exactly once."""
        cold = ({**row, "_id": row["order_id"]} for row, _ in cold_rows(self.settings, self.db))
        found = [*self.db.orders.find(), *cold]
        assert len(found) == len({order["_id"] for order in found}), "an order is there twice"
        return {order["_id"]: order for order in found}

    def histories(self) -> dict[int, list[str]]:
        """The steps of every order, in order."""
        return {id_: _steps(order) for id_, order in sorted(self.orders().items())}

    def assert_same_as_without_archive(self) -> None:
        """Every order has the same steps, and every rollup the same sum over its partitions."""
        assert self.histories() == {order["_id"]: _steps(order) for order in self.shadow.db.orders.find().sort("_id")}
        assert stored_rollups(self.db) == stored_rollups(self.shadow.db)


def make_shop(settings: Settings, db: MongoDatabase, shadow: MongoDatabase) -> Shop:
    """Two empty stores."""
    return Shop(settings, db, make_sink(db, settings.topic), make_sink(shadow, settings.topic))


def make_sink(db: MongoDatabase, topic: str, token: int = 1) -> Sink:
    """The sink of the only partition of a topic."""
    ensure_schema(db)
    take_partitions(db, TopicState(topic, "first", {0: 0}, {0: 100_000}), token, lambda _: {0: 100_000})
    return Sink(db, db.client.start_session(), topic, 0, token, TABLES, HISTORY_START)


def _steps(order: dict[str, Any]) -> list[str]:
    return [f"{step['status']} {step['at']:%d %H:%M}" for step in order["delivery"]["history"]]
