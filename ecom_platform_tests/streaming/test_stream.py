"""The whole stream: real Kafka, real Spark, real MongoDB."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaProducer

from ecom_platform.contract import Status, encode
from ecom_platform.errors import Fenced, NeedsPerson
from ecom_platform.kafka.client import python_options
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, ensure_schema, read_offsets, read_progress
from ecom_platform.store.leases import STREAM_ROLE
from ecom_platform.streaming import foreground
from ecom_platform.streaming.lag import read_lag
from ecom_platform.streaming.process import StreamCommand, environment, start_stream
from ecom_platform.streaming.skips import Skip
from ecom_platform_tests.programs import until
from ecom_platform_tests.streaming.events import placed, received, stepped
from ecom_platform_tests.streaming.streams import (
    applied,
    configure_topic,
    create_again,
    kafka_admin,
    next_token,
    produce,
    produce_as_others_do,
    run_available_now,
    running_stream,
)

pytestmark = pytest.mark.usefixtures("topic")

LAUNCHER = """
import sys, time
from ecom_platform.settings import load_settings
from ecom_platform.streaming.process import StreamCommand, start_stream
settings = load_settings()
print(start_stream(settings, StreamCommand(int(sys.argv[1])), settings.logs / "child.log").pid, flush=True)
time.sleep(600)
"""

MIXED = [
    *(placed(n) for n in range(1, 201)),
    *(stepped(n, Status.SHIPPED) for n in range(1, 101)),
    *(stepped(n, Status.CANCELLED, hours=2) for n in range(151, 171)),
    placed(5),
    stepped(7, Status.SHIPPED),
    stepped(160, Status.DELIVERED, hours=3),
    stepped(999, Status.SHIPPED),
    received("r-1", 40),
    b"not json",
]


def test_one_run_applies_the_topic_and_a_second_run_finds_nothing_to_do(settings: Settings, db: MongoDatabase) -> None:
    """
    `availableNow` ends by itself, with every record accounted for, of producers in any language; starting again, on a
    fresh checkpoint, which lies in the home as that is spelt, adds nothing.
    """
    produce(settings, MIXED)
    produce_as_others_do(settings, range(901, 909))
    assert run_available_now(settings, next_token(db)) == 0

    counters = [offsets.counters for offsets in read_offsets(db, settings.topic).values()]
    assert sum(c.applied for c in counters) == 200 + 100 + 20 + 1 + 7
    assert sum(c.duplicate for c in counters) == 2
    assert sum(c.dead for c in counters) == 3 + 2
    assert sum(c.gap for c in counters) == 3  # an aborted order, and two markers of transactions
    assert applied(db, settings)
    assert {order["_id"] for order in db.orders.find({"_id": {"$gt": 200}}, {"_id": 1})} == {901, 902, *range(904, 909)}
    assert db.orders.count_documents({}) == 207
    assert db.orders.count_documents({"delivery.status": "Cancelled"}) == 20
    before = list(db.orders.find())

    other = settings.model_copy(update={"home": settings.home / "a home with blänks and 100 %"})
    assert run_available_now(other, next_token(db)) == 0
    assert [path.name for path in (other.home / "spark" / "checkpoints").glob("*/metadata")] == ["metadata"]
    assert list(db.orders.find()) == before
    assert sum(o.counters.total for o in read_offsets(db, settings.topic).values()) == len(MIXED) + 12


def test_a_running_stream_applies_orders_as_they_come_and_stops_on_sigterm(
    settings: Settings, db: MongoDatabase
) -> None:
    """
    Orders appear one by one, the heartbeat goes on, lag tools see the offsets, and SIGTERM leaves no process behind.
    """
    ensure_schema(db)
    with running_stream(settings, next_token(db)) as child:
        produce(settings, [placed(1)])
        until("the first order", lambda: db.orders.count_documents({}) == 1)
        for number in range(2, 12):
            produce(settings, [placed(number)])
        until("the other orders", lambda: db.orders.count_documents({}) == 11)
        until("the published offsets", lambda: published(settings) == positions(db, settings))
        beat = read_progress(db, settings.topic)[0].updated_at
        until("the next heartbeat", lambda: read_progress(db, settings.topic)[0].updated_at > beat)
        family = psutil.Process(child.pid).children(recursive=True)

        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=20) == 0

    assert not psutil.wait_procs(family, timeout=10)[1]


def test_a_stream_that_slept_through_its_succession_stops_by_itself(settings: Settings, db: MongoDatabase) -> None:
    """
    SIGSTOP, a second stream, SIGCONT: the first finds another token and exits as fenced; nothing is doubled.
    """
    with running_stream(settings, next_token(db)) as old:
        produce(settings, [placed(1)])
        until("the first order", lambda: db.orders.count_documents({}) == 1)
        for process in (*psutil.Process(old.pid).children(recursive=True), psutil.Process(old.pid)):
            process.suspend()
        with running_stream(settings, next_token(db)) as new:
            produce(settings, [placed(number) for number in range(2, 52)])
            until("the orders after the succession", lambda: db.orders.count_documents({}) == 51)
            for process in (*psutil.Process(old.pid).children(recursive=True), psutil.Process(old.pid)):
                process.resume()

            assert old.wait(timeout=60) == Fenced.exit_code
            assert new.poll() is None
    assert sum(o.counters.applied for o in read_offsets(db, settings.topic).values()) == 51


def test_a_topic_that_grows_is_taken_in_and_one_that_is_created_again_ends_the_stream(
    settings: Settings, db: MongoDatabase
) -> None:
    """
    New partitions join the running stream; of a longer topic that takes the name, nothing is applied.
    """
    token = next_token(db)
    with running_stream(settings, token) as stream, kafka_admin(settings) as admin:
        produce(settings, [placed(number) for number in range(1, 21)])
        until("the first orders", lambda: db.orders.count_documents({}) == 20, 240)
        admin.create_partitions({settings.topic: 4})
        produce(settings, [placed(number) for number in range(21, 61)])
        until("the orders in four partitions", lambda: db.orders.count_documents({}) == 60, 240)
        assert all(offsets.counters.applied for offsets in read_offsets(db, settings.topic).values())
        assert (len(positions(db, settings)), stream.poll()) == (4, None)

        create_again(admin, settings.topic, partitions=4)
        produce(settings, [placed(number) for number in range(61, 461)])
        assert stream.wait(timeout=240) == NeedsPerson.exit_code

    assert db.orders.count_documents({}) == 60
    assert "stream_ended error=TopicReplaced" in last_line(settings.logs / f"stream-{token}.log")


def test_what_spark_cannot_read_is_a_dead_letter_or_a_question(
    settings: Settings, platform: Any, db: MongoDatabase
) -> None:
    """
    Timestamps that Spark refuses are dead letters, and the stream goes on; damaged bytes end it with the command that
    goes on behind them, after all that can be read.
    """
    once = settings.model_copy(update={"spark_master": "local[*,1]"})
    configure_topic(settings, {"message.timestamp.after.max.ms": str(2**63 - 1)})
    nanoseconds = time.time_ns()
    send_batches(
        settings, [(1, None), (2, nanoseconds), (3, None)], [(4, None), (5, None)], [(6, nanoseconds), (7, None)]
    )
    damage_batch(platform.settings.home / "data/kafka" / f"{settings.topic}-0", first_offset=3)

    assert run_available_now(once, next_token(db)) == NeedsPerson.exit_code
    skip = f"{settings.topic}-0:3-4"
    assert f"--skip {skip}`" in last_line(settings.logs / "stream.log")
    assert counters(db, settings) == {"applied": 2, "dead": 1}

    command = StreamCommand(next_token(db), available_now=True, skips=(Skip.parse(skip),))
    assert start_stream(once, command, settings.logs / "stream.log").wait(timeout=240) == 0
    assert counters(db, settings) == {"applied": 3, "dead": 2, "lost": 2}
    assert [letter["reason"] for letter in db.dead_letters.find()] == ["out_of_range"] * 2


def test_the_stream_dies_with_its_launcher(settings: Settings, db: MongoDatabase) -> None:
    """
    Kill -9 of the process that started it takes the driver and its JVM away within seconds.
    """
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(next_token(db))],
        stdout=subprocess.PIPE,
        env=environment(settings),
        text=True,
    )
    driver = psutil.Process(int(launcher.stdout.readline()))
    until("the JVM", lambda: bool(driver.children()))
    family = [driver, *driver.children(recursive=True)]

    launcher.kill()
    launcher.communicate()

    assert not psutil.wait_procs(family, timeout=30)[1]


def test_a_second_stream_refuses_while_the_first_holds_the_lease(settings: Settings, db: MongoDatabase) -> None:
    """
    `ecom stream` beside a running one ends at once, names the holder and starts nothing.
    """
    Lease.acquire(db, STREAM_ROLE, owner="the first")

    with pytest.raises(Fenced, match="the first"):
        foreground.run(settings)


def test_the_lag_is_what_the_topic_holds_minus_what_was_applied(settings: Settings, db: MongoDatabase) -> None:
    """
    Before the stream ever ran, the lag is the whole topic.
    """
    ensure_schema(db)
    produce(settings, [placed(number) for number in range(1, 31)])

    lag = read_lag(settings, db)

    assert lag.total == 30
    assert sum(partition.end for partition in lag.partitions) == 30


def send_batches(settings: Settings, *batches: list[tuple[int, int | None]]) -> None:
    """Orders into partition 0, each batch (id and timestamp of its messages) by a producer of its own."""
    for batch in batches:
        producer = KafkaProducer(**python_options(settings), acks="all", linger_ms=200)
        for number, timestamp in batch:
            producer.send(settings.topic, encode(placed(number)), partition=0, timestamp_ms=timestamp)
        producer.flush(30)
        producer.close()


def damage_batch(folder: Path, first_offset: int) -> None:
    """Flip one byte in the batch of a partition that begins at an offset, as a bad disk does."""
    file = folder / "00000000000000000000.log"
    log, place = file.read_bytes(), 0
    while struct.unpack_from(">q", log, place)[0] != first_offset:
        place += 12 + struct.unpack_from(">i", log, place + 8)[0]
    last = place + 11 + struct.unpack_from(">i", log, place + 8)[0]
    with file.open("r+b") as damaged:
        damaged.seek(last)
        damaged.write(bytes([log[last] ^ 0xFF]))


def counters(db: MongoDatabase, settings: Settings) -> dict[str, int]:
    """What became of partition 0, without zeros."""
    return {name: count for name, count in asdict(read_offsets(db, settings.topic)[0].counters).items() if count}


def last_line(log: Path) -> str:
    """What the stream said at its end."""
    return next(line for line in reversed(log.read_text().splitlines()) if "stream_ended" in line)


def positions(db: MongoDatabase, settings: Settings) -> dict[int, int]:
    """The applied offsets, by partition."""
    return {number: offsets.next for number, offsets in read_offsets(db, settings.topic).items()}


def published(settings: Settings) -> dict[int, int]:
    """The offsets an ordinary lag tool sees."""
    with TopicReader(settings) as reader:
        return reader.published(settings.consumer_group)
