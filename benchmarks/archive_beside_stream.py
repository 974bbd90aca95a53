"""Whether the stream keeps its pace while orders are archived beside it.

The shop sells at a steady rate far above the demo's; once the stream has caught up, its lag and the events it applies
are sampled every second: before, during and after an archive run over older orders, and for as long again without one.

    python -m benchmarks.archive_beside_stream [--megabytes 300] [--rate 500]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from benchmarks.archive import Load, prepare
from benchmarks.bench import own_platform
from ecom_platform.archive.policy import Policy
from ecom_platform.archive.run import archive
from ecom_platform.archive.spark_write import archive_session
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.local.hdfs import HDFS
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.store import read_offsets
from ecom_platform.streaming.child import end_group
from ecom_platform.streaming.lag import lag_of
from ecom_platform.streaming.process import StreamCommand, environment, spawn, start_stream

WINDOW_SECONDS = 30
CATCH_UP_SECONDS = 300


@dataclass(frozen=True)
class Sample:
    """At an instant (of the monotonic clock): events applied since the beginning of the topic, and those that wait."""

    at: float
    applied: int
    lag: int


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--rate", type=int, default=500, help="orders a second")
    options = parser.parse_args()
    with own_platform((KAFKA, MONGODB, HDFS)) as settings:
        load = prepare(settings, options.megabytes * 1_000_000)
        load.restore()
        older = Policy.at(datetime.now(UTC), timedelta(0), timedelta(0))
        with selling(load, options.rate) as reader, archive_session(load.settings) as spark:
            await_caught_up(load, reader, options.rate)
            windows = {"before": watch(load, reader, for_seconds(WINDOW_SECONDS))}
            with ThreadPoolExecutor(1) as pool:
                run = pool.submit(archive, load.settings, load.db, older, spark=spark)
                windows["during the archive run"] = watch(load, reader, lambda: not run.done())
                [moved] = run.result()
            windows["after"] = watch(load, reader, for_seconds(WINDOW_SECONDS))
            seconds = seconds_of(windows["during the archive run"])
            windows["as long again, no archive run"] = watch(load, reader, for_seconds(seconds))
    print(
        f"{moved.rows:,} orders, {load.megabytes:.0f} MB, archived in {seconds:.1f} s beside {options.rate} orders/s\n"
    )
    print("| window | seconds | applied events/s (median) | lag, events (median, most) |\n|---|---|---|---|")
    for name, samples in windows.items():
        print(row(name, samples))


@contextmanager
def selling(load: Load, rate: int) -> Iterator[TopicReader]:
    """The shop sells and the stream runs while the block does."""
    logs = load.settings.logs
    simulate = [sys.executable, "-m", "ecom_platform.cli", "simulate", "--rate", str(rate)]
    stream = start_stream(load.settings, StreamCommand(token=2), logs / "bench-stream.log")
    shop = spawn(simulate, environment(load.settings), logs / "bench-shop.log")
    try:
        with TopicReader(load.settings) as reader:
            yield reader
    finally:
        end_group(shop)
        end_group(stream)


def await_caught_up(load: Load, reader: TopicReader, rate: int) -> None:
    """Wait until about one second of events waits, for some seconds on end."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while max(sample.lag for sample in watch(load, reader, for_seconds(5))) > 3 * rate:
        assert time.monotonic() < deadline, "the stream does not keep up with this rate even without an archive run"


def watch(load: Load, reader: TopicReader, going_on: Callable[[], bool]) -> list[Sample]:
    """A sample a second, at least two."""
    samples: list[Sample] = []
    while len(samples) < 2 or going_on():
        lag = lag_of(reader.state(), read_offsets(load.db, load.settings.topic))
        samples.append(Sample(time.monotonic(), sum(part.next for part in lag.partitions), lag.total))
        time.sleep(1.0)
    return samples


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Whether they have not passed yet."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def seconds_of(samples: list[Sample]) -> float:
    """From the first to the last."""
    return samples[-1].at - samples[0].at


def row(name: str, samples: list[Sample]) -> str:
    """A window in Markdown."""
    rates = [(after.applied - before.applied) / (after.at - before.at) for before, after in pairwise(samples)]
    lags = [sample.lag for sample in samples]
    return (
        f"| {name} | {seconds_of(samples):.0f} | {statistics.median(rates):,.0f} "
        f"| {statistics.median(lags):,.0f}, {max(lags):,} |"
    )


if __name__ == "__main__":
    main()
