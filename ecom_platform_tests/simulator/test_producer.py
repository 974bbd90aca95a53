"""The simulator with a real Kafka: ledger and topic say the same, and a killed simulator loses and doubles nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict

import orjson
import pytest

from ecom_platform.errors import UnavailableError
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.simulator.history import HISTORY_LAG
from ecom_platform.simulator.ledger import digest_of, read_ledger, summarise
from ecom_platform.simulator.run import ledger_folder, simulate
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.programs import until
from ecom_platform_tests.streaming.streams import read_records

# Sells live, and writes what it reports as lines.
SERVE = """
import json, sys
from ecom_platform.settings import load_settings
from ecom_platform.simulator.serve import serve
with open(sys.argv[1], "a", buffering=1) as lines:
    serve(load_settings(), lambda state: print(state.share, state.first_order_id, file=lines), seed=7)
"""
SIMULATE = (
    "import sys; from ecom_platform.settings import load_settings; from ecom_platform.simulator.run import simulate"
)


def _records(settings):
    """Everything in the topic: {(partition, offset): value}."""
    with TopicReader(settings) as reader:
        ends = reader.state().end
    read = {partition: read_records(settings, partition, 0, end) for partition, end in ends.items()}
    return {(partition, record.offset): record.value for partition, found in read.items() for record in found}


def _start(settings, *argv):
    return subprocess.Popen([sys.executable, *argv], env=os.environ | variables(settings))


def _ledger_bytes(settings) -> int:
    return sum(file.stat().st_size for file in ledger_folder(settings).glob("events-*"))


def test_ledger_and_topic_say_the_same(settings, topic) -> None:
    """Every acked attempt lies where the ledger says, byte for byte, and the topic holds nothing else."""
    summary = simulate(settings, orders=1_500, rate="max", scenario="poison", seed=7)
    records = _records(settings)
    entries = list(read_ledger(ledger_folder(settings)))

    assert summary.orders == 1_500
    assert summary.acked == summary.events == len(entries) == len(records)
    assert {(e.partition, e.offset): e.digest for e in entries} == {k: digest_of(v) for k, v in records.items()}
    assert sum(summary.faults.values()) > 0


def test_a_second_run_goes_on_with_new_order_numbers(settings, topic) -> None:
    """Numbers continue from the state of the home."""
    for _ in range(2):
        simulate(settings, orders=300, rate="max", seed=7)
    placed = [e.order_id for e in read_ledger(ledger_folder(settings)) if e.total_cents is not None]

    assert len(set(placed)) == len(placed) == 600


def test_orders_are_paced(settings, topic) -> None:
    """Twenty a second: thirty orders take more than half a second, and as many are placed."""
    summary = simulate(settings, orders=30, rate=20.0, seed=7)

    assert (summary.orders, summary.acked) == (30, summary.events)
    assert summary.seconds > 0.5


def test_a_missing_topic_is_one_sentence(settings) -> None:
    """It names the topic and the command that creates it."""
    with pytest.raises(UnavailableError, match=rf"no topic '{settings.topic}'.*`ecom up`"):
        simulate(settings, orders=1)


def test_a_killed_simulator_loses_and_doubles_no_order(settings, topic) -> None:
    """SIGKILL three times in the middle; the runs after it send what is missing, as the same bytes."""
    program = f"{SIMULATE}; simulate(load_settings(), days=3, rate='max', seed=7)"
    for run in range(3):
        before = _ledger_bytes(settings)
        process = _start(settings, "-c", program)
        wanted = before + 1_500_000 + 650_000 * run
        until("it is in the middle", lambda wanted=wanted: _ledger_bytes(settings) > wanted, pause=0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    simulate(settings, orders=50, rate="max")
    contents, steps = defaultdict(set), set()
    for value in _records(settings).values():
        event = orjson.loads(value)
        if event["event_type"] == "order_placed":
            contents[event["order_id"]].add(value)
        elif "order_id" in event:
            steps.add(event["order_id"])
    attempted = {e.order_id for e in read_ledger(ledger_folder(settings)) if e.total_cents is not None}
    summary = summarise(read_ledger(ledger_folder(settings)))

    assert all(len(values) == 1 for values in contents.values())
    assert set(contents) == attempted
    assert steps <= set(contents)
    assert summary.failed == 0
    assert summary.unknown > 0


def test_the_live_simulator_sells_first_and_waits_for_the_stream_with_history(settings, topic) -> None:
    """Live orders come before any history, which waits for the stream's first offset and then stops at 8,000."""
    reported = settings.home / "reported"
    process = _start(settings, "-c", SERVE, str(reported))
    try:
        until("the first orders", lambda: len(_records(settings)) > 2)
        time.sleep(2.0)
        before = len(_records(settings))
        with TopicReader(settings) as stream:
            stream.publish(settings.consumer_group, {0: 1})
        until("the history", lambda: len(_records(settings)) >= HISTORY_LAG - 500)
        time.sleep(2.0)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=10)
    summary = summarise(read_ledger(ledger_folder(settings)))
    lines = (ledger_folder(settings) / "labels.jsonl").read_text().splitlines()
    labels = [json.loads(line)["kind"] for line in lines]
    entries = list(read_ledger(ledger_folder(settings)))
    share, first_order = reported.read_text().splitlines()[-1].split()

    assert code == 0
    assert before < 100
    assert 7_000 < summary.acked == summary.attempted < HISTORY_LAG + 500
    assert 0 < float(share) < 0.2
    assert int(first_order) == next(one.order_id for one in entries if one.total_cents is not None)
    assert labels == ["slow_courier", "oversold"]
    assert int(entries[0].event_id.replace("-", "")[:12], 16) > (time.time() - 300) * 1000
