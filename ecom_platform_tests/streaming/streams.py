"""Real streams for the tests: produce, start, watch, kill."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from ecom_platform.contract import Event, encode, key_of
from ecom_platform.credentials import Role
from ecom_platform.kafka.client import python_options
from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, read_offsets
from ecom_platform.store.leases import STREAM_ROLE
from ecom_platform.streaming.child import end_group
from ecom_platform.streaming.lag import read_lag
from ecom_platform.streaming.process import StreamCommand, start_stream
from ecom_platform.streaming.records import Record
from ecom_platform_tests.programs import until
from ecom_platform_tests.streaming.events import placed
from ecom_platform_tests.transactions import RegrettedError, transaction


def produce(settings: Settings, values: Iterable[Event | bytes]) -> None:
    """Send events, or bytes as they are (keyed alike, so to one partition), and wait for every acknowledgement."""
    producer = KafkaProducer(**python_options(settings), acks="all", linger_ms=5)
    try:
        for value in values:
            raw = isinstance(value, bytes)
            producer.send(settings.topic, value if raw else encode(value), key=b"raw" if raw else key_of(value))
        producer.flush(30)
    finally:
        producer.close()


def produce_as_others_do(settings: Settings, order_ids: Sequence[int]) -> None:
    """What producers in other languages send: seven orders that count, an order that was aborted, two dead letters.

    Keys that are no text, headers, no value and an empty one, each compression, and at the end of a partition a
    transaction that was committed and one that was aborted.
    """
    strange, committed, aborted, *compressed = map(placed, order_ids)
    producer = KafkaProducer(**python_options(settings), acks="all")
    for value in (None, b"", encode(strange)):
        producer.send(settings.topic, value, key=b"\xff\x00", headers=[("trace", b"\x00\xff"), ("empty", b"")])
    for codec, order in zip(("gzip", "snappy", "lz4", "zstd", "uncompressed"), compressed, strict=True):
        # The broker writes them so, whatever codecs this client has.
        configure_topic(settings, {"compression.type": codec})
        producer.send(settings.topic, encode(order), key=key_of(order)).get(30)
    producer.close()
    shop = settings.model_copy(update={"role": Role.PRODUCER})
    with transaction(shop, "producer-1") as producer:
        producer.send(settings.topic, encode(committed), partition=0)
    with suppress(RegrettedError), transaction(shop, "producer-1") as producer:
        producer.send(settings.topic, encode(aborted), partition=0)
        raise RegrettedError


def kafka_admin(settings: Settings) -> KafkaAdminClient:
    """Kafka's admin, to be closed."""
    return KafkaAdminClient(**python_options(as_admin(settings, "kafka")))


def configure_topic(settings: Settings, configuration: dict[str, str]) -> None:
    """Change what is said of the topic."""
    with kafka_admin(settings) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic, configuration)])


def read_records(settings: Settings, partition: int, start: int, end: int) -> list[Record]:
    """The records of a partition from one offset up to another."""
    place = TopicPartition(settings.topic, partition)
    consumer = KafkaConsumer(**python_options(settings), enable_auto_commit=False)
    consumer.assign([place])
    consumer.seek(place, start)
    records: list[Record] = []
    while len(records) < end - start:
        for found in consumer.poll(1_000).values():
            records += [Record(row.offset, row.timestamp, row.key, row.value) for row in found]
    consumer.close()
    return records[: end - start]


def create_again(admin: KafkaAdminClient, topic: str, partitions: int = 2) -> None:
    """Delete a topic and make another one of its name; the broker takes the name again some moments later."""
    admin.delete_topics([topic])

    def made() -> bool:
        try:
            admin.create_topics({topic: {"num_partitions": partitions}}, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            return False
        return True

    until("the new topic", made)


def applied(db: MongoDatabase, settings: Settings) -> bool:
    """Whether the stream has applied all that is in the topic."""
    return bool(read_offsets(db, settings.topic)) and read_lag(settings, db).total == 0


def run_available_now(settings: Settings, token: int, seconds: float = 240) -> int:
    """Apply what is in the topic; return the exit code. Nothing of it is left, also when it took too long."""
    child = start_stream(settings, StreamCommand(token, available_now=True), settings.logs / "stream.log")
    try:
        return child.wait(timeout=seconds)
    finally:
        end_group(child)


@contextmanager
def running_stream(settings: Settings, token: int) -> Iterator[subprocess.Popen[bytes]]:
    """A continuous stream; whatever is left of its process group at the end is killed."""
    child = start_stream(settings, StreamCommand(token), settings.logs / f"stream-{token}.log")
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGCONT)
        end_group(child)


def python_workers(child: subprocess.Popen[bytes]) -> list[int]:
    """The Python workers of a stream: what Spark's worker daemon has forked."""
    try:
        family = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [worker.pid for process in family if _is_worker_daemon(process) for worker in process.children()]


def _is_worker_daemon(process: psutil.Process) -> bool:
    try:
        return "pyspark.daemon" in process.cmdline()
    except psutil.Error:
        return False  # ended meanwhile


def next_token(db: MongoDatabase) -> int:
    """A token above all earlier ones."""
    lease = Lease.acquire(db, STREAM_ROLE, owner=f"test {os.getpid()}")
    lease.release()
    return lease.token
