"""Writers that meet on the same orders, and a server that steps down under them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ecom_platform.contract import Status
from ecom_platform.kafka.topic import TopicState
from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, connect, ensure_schema, read_offsets
from ecom_platform.streaming.fence import take_partitions
from ecom_platform.streaming.sink import Sink
from ecom_platform_tests.streaming.events import HISTORY_START, TABLES, placed, records, stepped

PARTITIONS = range(4)
ORDERS = range(1, 101)


@pytest.fixture
def sinks(db: MongoDatabase) -> list[Sink]:
    """One for each of four partitions."""
    ensure_schema(db)
    ends = dict.fromkeys(PARTITIONS, 1_000)
    take_partitions(db, TopicState("orders", "first", dict.fromkeys(PARTITIONS, 0), ends), 1, lambda _: ends)
    return [Sink(db, db.client.start_session(), "orders", n, 1, TABLES, HISTORY_START) for n in PARTITIONS]


def test_orders_that_are_in_four_partitions_at_once_count_once(db: MongoDatabase, sinks: list[Sink]) -> None:
    """A producer that lost its keys: one of the four places each order, the others find it there."""
    made = records([placed(number) for number in ORDERS])

    def send(sink: Sink) -> None:
        position = 0
        for first in range(0, len(made), 10):
            position = sink.commit(position, made[first : first + 10])

    with ThreadPoolExecutor(len(sinks)) as threads:
        list(threads.map(send, sinks))

    counters = [part.counters for part in read_offsets(db, "orders").values()]
    assert sum(counted.applied for counted in counters) == len(ORDERS)
    assert sum(counted.duplicate for counted in counters) == 3 * len(ORDERS)
    assert sum(row["cents"] for row in db.ingest_minute.find() if "cents" in row) == 2_399 * len(ORDERS)
    assert db.orders.count_documents({}) == len(ORDERS)


def test_a_mongod_that_steps_down_delays_a_chunk_and_loses_nothing(
    settings: Settings, db: MongoDatabase, sinks: list[Sink]
) -> None:
    """The only member of its set: for two seconds there is no primary, then the same chunk is committed."""
    sink = sinks[0]
    end = sink.commit(0, records([placed(1)]))
    with connect(as_admin(settings, "mongodb")) as client:
        term = client.admin.command("replSetGetStatus")["term"]
        client.admin.command("replSetStepDown", 2, force=True)

        sink.commit(end, records([placed(2), stepped(1, Status.SHIPPED)], end))

        assert client.admin.command("replSetGetStatus")["term"] > term
    part = read_offsets(db, "orders")[0]
    assert (part.next, part.counters.applied, part.counters.duplicate) == (3, 3, 0)
    assert {order["_id"]: order["delivery"]["status"] for order in db.orders.find()} == {1: "Shipped", 2: "Pending"}
