"""The whole stream: real Kafka, real Spark, real MongoDB."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest

from ecom_platform.contract import Status
from ecom_platform.errors import Fenced
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, ensure_schema, read_offsets, read_progress
from ecom_platform.streaming import foreground
from ecom_platform.streaming.lag import read_lag
from ecom_platform.streaming.process import environment
from ecom_platform.streaming.topic import TopicReader
from ecom_platform_tests.streaming.events import placed, received, stepped
from ecom_platform_tests.streaming.streams import (
    applied,
    next_token,
    produce,
    produce_as_others_do,
    run_available_now,
    running_stream,
    wait_until,
)

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("topic")]

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
    fresh checkpoint, adds nothing.
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

    assert run_available_now(settings, next_token(db)) == 0
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
        wait_until(lambda: db.orders.count_documents({}) == 1, "the first order")
        for number in range(2, 12):
            produce(settings, [placed(number)])
        wait_until(lambda: db.orders.count_documents({}) == 11, "the other orders")
        wait_until(lambda: published(settings) == positions(db, settings), "the published offsets")
        beat = read_progress(db, settings.topic)[0].updated_at
        wait_until(lambda: read_progress(db, settings.topic)[0].updated_at > beat, "the next heartbeat")
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
        wait_until(lambda: db.orders.count_documents({}) == 1, "the first order")
        for process in (*psutil.Process(old.pid).children(recursive=True), psutil.Process(old.pid)):
            process.suspend()
        with running_stream(settings, next_token(db)) as new:
            produce(settings, [placed(number) for number in range(2, 52)])
            wait_until(lambda: db.orders.count_documents({}) == 51, "the orders after the succession")
            for process in (*psutil.Process(old.pid).children(recursive=True), psutil.Process(old.pid)):
                process.resume()

            assert old.wait(timeout=60) == Fenced.exit_code
            assert new.poll() is None
    assert sum(o.counters.applied for o in read_offsets(db, settings.topic).values()) == 51


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
    wait_until(lambda: bool(driver.children()), "the JVM")
    family = [driver, *driver.children(recursive=True)]

    launcher.kill()
    launcher.communicate()

    assert not psutil.wait_procs(family, timeout=30)[1]


def test_a_second_stream_refuses_while_the_first_holds_the_lease(settings: Settings, db: MongoDatabase) -> None:
    """
    `ecom stream` beside a running one ends at once, names the holder and starts nothing.
    """
    Lease.acquire(db, foreground.LEASE_ROLE, owner="the first")

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


def positions(db: MongoDatabase, settings: Settings) -> dict[int, int]:
    """The applied offsets, by partition."""
    return {number: offsets.next for number, offsets in read_offsets(db, settings.topic).items()}


def published(settings: Settings) -> dict[int, int]:
    """The offsets an ordinary lag tool sees."""
    with TopicReader(settings) as reader:
        return reader.published(settings.consumer_group)
