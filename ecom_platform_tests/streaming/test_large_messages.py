"""Messages that are as large as the contract allows, and larger ones: real Kafka, real Spark, real MongoDB."""

from __future__ import annotations

from typing import Any

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema, read_offsets
from ecom_platform.streaming.process import StreamCommand, environment, spawn
from ecom_platform_tests.streaming.large import large_order, send_compressed, sha256
from ecom_platform_tests.streaming.streams import next_token, run_available_now

pytestmark = pytest.mark.usefixtures("topic")

SMALL_HEAP = {"spark_driver_memory": "512m"}  # Spark takes no smaller one
SMALL = 1_000
LONG_SECONDS = 1_200.0  # three starts of Spark, or two gigabytes


def counted(db: MongoDatabase, settings: Settings) -> tuple[int, int, int]:
    """Applied and dead events, and the offsets that were passed."""
    rows = read_offsets(db, settings.topic).values()
    return (
        sum(row.counters.applied for row in rows),
        sum(row.counters.dead for row in rows),
        sum(row.next - row.first for row in rows),
    )


def test_large_messages_go_through_a_heap_that_does_not_hold_them_together(
    settings: Settings, db: MongoDatabase
) -> None:
    """Orders as large as the contract allows are stored; of what is beyond it, 64 kB, length and digest."""
    beyond = b"y" * 5_000_000
    orders = [large_order(number, size) for number, size in enumerate((4_000_000, 3_900_000, 1_200_000), 1)]
    send_compressed(settings, [orders[0], *[beyond] * 45, orders[1], *[beyond] * 45, orders[2]])
    ensure_schema(db)

    assert run_available_now(settings.model_copy(update=SMALL_HEAP), next_token(db)) == 0

    assert counted(db, settings) == (3, 90, 93)
    assert [order["_id"] for order in db.orders.find().sort("_id")] == [1, 2, 3]
    letters: list[Any] = list(db.dead_letters.find())
    assert {(one["reason"], one["raw_bytes"], one["replayable"]) for one in letters} == {
        ("not_storable", 5_000_000, False)
    }
    assert {(bytes(one["raw"]), one["raw_sha256"]) for one in letters} == {(beyond[:65_536], sha256(beyond))}
    assert all("cannot be replayed" in one["error"] for one in letters)
    assert "stream_detour" not in (settings.logs / "stream.log").read_text()


@pytest.mark.full
def test_a_heap_that_is_too_small_for_a_message_is_named(settings: Settings, db: MongoDatabase) -> None:
    """The stream ends with a sentence about memory, and what it had not committed is still to do."""
    send_compressed(settings, [large_order(1, SMALL), b"y" * 250_000_000])
    ensure_schema(db)
    log = settings.logs / "stream.log"
    # A detour whose heap is four times this one.
    smallest = settings.model_copy(update={"spark_driver_memory": "128m"})
    argv = [*StreamCommand(next_token(db), available_now=True).argv(), "--detour"]

    assert spawn(argv, environment(smallest), log).wait(timeout=240) == ConfigurationError.exit_code

    last = log.read_text().splitlines()[-1]
    assert "stream_ended error=OutOfMemory" in last
    assert "ECOM_SPARK_DRIVER_MEMORY" in last


@pytest.mark.full
def test_a_message_that_does_not_fit_into_the_heap_is_a_dead_letter_after_a_detour(
    settings: Settings, db: MongoDatabase
) -> None:
    """300 MB of which the broker saw some kilobytes: what is before and behind it is applied once."""
    giant = b"y" * 300_000_000
    small = [large_order(number, SMALL) for number in range(1, 101)]
    send_compressed(settings, [*small[:50], giant, *small[50:]])
    ensure_schema(db)

    assert run_available_now(settings, next_token(db), LONG_SECONDS) == 0

    assert counted(db, settings) == (100, 1, 101)
    letter: Any = db.dead_letters.find_one()
    assert (letter["raw_bytes"], letter["raw_sha256"]) == (300_000_000, sha256(giant))
    assert (settings.logs / "stream.log").read_text().count("stream_replaced") == 2


@pytest.mark.full
def test_five_hundred_orders_of_nearly_four_megabytes_go_through_the_usual_heap(
    settings: Settings, db: MongoDatabase
) -> None:
    """Two gigabytes in one partition, of which Kafka has two megabytes; no detour is needed."""
    send_compressed(settings, (large_order(number, 3_900_000) for number in range(1, 501)))
    ensure_schema(db)

    assert run_available_now(settings, next_token(db), LONG_SECONDS) == 0

    assert counted(db, settings) == (500, 0, 500)
    assert "stream_detour" not in (settings.logs / "stream.log").read_text()
