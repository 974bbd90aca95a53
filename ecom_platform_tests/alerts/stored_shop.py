"""A simulated shop whose events also go through the real sink into a real MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.alert_shop import ShopInMemory
from ecom_platform.kafka.topic import TopicState
from ecom_platform.simulator.config import ShopConfig
from ecom_platform.simulator.dimensions import Dimensions
from ecom_platform.simulator.emission import Emission
from ecom_platform.store import MongoDatabase, collections, ensure_schema, load_dimensions, read_dimensions
from ecom_platform.streaming.fence import take_partitions
from ecom_platform.streaming.records import Record
from ecom_platform.streaming.sink import Sink

TOPIC = "orders"


class StoredShop(ShopInMemory):
    """What it lives through is in MongoDB, too, with the stream's heartbeat."""

    def __init__(self, db: MongoDatabase, dimensions: Dimensions, config: ShopConfig, start: datetime) -> None:
        ensure_schema(db)
        load_dimensions(db, dimensions)
        take_partitions(db, TopicState(TOPIC, "first", {0: 0}, {0: 0}), 1, lambda _: {0: 0})
        first_order = datetime(2020, 1, 1, tzinfo=UTC)
        self._db = db
        self._sink = Sink(db, db.client.start_session(), TOPIC, 0, 1, read_dimensions(db), first_order)
        self._stored = 0
        super().__init__(dimensions, config, start)

    def _apply(self, emissions: list[Emission]) -> None:
        if emissions:
            records = [Record(self._stored + n, one.time_ms, one.key, one.value) for n, one in enumerate(emissions)]
            self._stored = self._sink.commit(self._stored, records)
        super()._apply(emissions)
        self._beat()

    def _beat(self) -> None:
        heartbeat = {
            "topic": TOPIC,
            "partition": 0,
            "next": self._stored,
            "end": self._stored,
            "lag": 0,
            "last_record_at": self.now,
            "updated_at": self.now,
            "batch_id": 1,
            "batch_seconds": 0.1,
            "batch_events": 1,
        }
        self._db[collections.PROGRESS].replace_one({"_id": f"{TOPIC}-0"}, heartbeat, upsert=True)
