"""What the benchmarks share: a platform of their own, the shop's events in the topic, and who used the processor.

The machine should do nothing else meanwhile. Figures are printed as Markdown, to be pasted into a dated report.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from ecom_platform import local
from ecom_platform.kafka.client import python_options
from ecom_platform.local.kafka import KAFKA, ensure_topic
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.server import Server, as_admin
from ecom_platform.settings import Settings
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.run import simulate
from ecom_platform.store import database, ensure_schema, load_dimensions
from ecom_platform_tests.everywhere import grant_everywhere

SEED = 1
FREE_PORTS: dict[str, Any] = {name: 0 for name in Settings.model_fields if name.endswith("_port")}


@contextmanager
def own_platform(servers: Sequence[Server] = (KAFKA, MONGODB)) -> Iterator[Settings]:
    """Servers on free ports, in a temporary home."""
    home = Path(tempfile.mkdtemp(prefix="ecom-bench-"))
    settings = Settings(_env_file=None, home=home, **FREE_PORTS)
    try:
        started = local.up(settings, servers=servers)
        grant_everywhere(started)
        yield started
    finally:
        local.down(settings)
        shutil.rmtree(home, ignore_errors=True)


def fill_topic(settings: Settings, orders: int, *, only_placed: bool) -> int:
    """Write the default shop's last `orders` orders (about one per second) with their later events; return the events.

    With `only_placed` the orders alone are copied to the topic, from a topic that has everything.
    """
    source = settings.model_copy(update={"topic": "lives"}) if only_placed else settings
    if only_placed:
        ensure_topic(as_admin(source, "kafka"))
    written = simulate(source, orders=orders, rate="max", seed=SEED, dimensions=default_shop(SEED))
    return _copy_placed(source, settings) if only_placed else written.events


def with_database(settings: Settings, name: str) -> Settings:
    """The settings with a database of that name, ready for a stream."""
    own = settings.model_copy(update={"mongodb_database": name})
    db = database(own)
    try:
        ensure_schema(db)
        load_dimensions(db, default_shop(SEED))
    finally:
        db.client.close()
    return own


def cpu_seconds(process: psutil.Process) -> float:
    """User and system seconds of a process, without its children."""
    times = process.cpu_times()
    return times.user + times.system


def _copy_placed(source: Settings, target: Settings) -> int:
    consumer = KafkaConsumer(**python_options(source), enable_auto_commit=False)
    producer = KafkaProducer(**python_options(target), acks="all", linger_ms=20)
    places = [TopicPartition(source.topic, number) for number in range(source.topic_partitions)]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends, copied = consumer.end_offsets(places), 0
    while any(consumer.position(place) < end for place, end in ends.items()):
        for batch in consumer.poll(1000, max_records=10_000).values():
            for record in batch:
                if b'"event_type":"order_placed"' in record.value:
                    producer.send(target.topic, record.value, key=record.key)
                    copied += 1
    producer.flush()
    producer.close()
    consumer.close()
    return copied
