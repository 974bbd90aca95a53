"""How fast the stream applies a backlog, and where the time goes.

Two loads of the default shop at its default pace (one order a second, so that a chunk spans hours and touches many
rollup documents): placed orders only, and whole lives. Validation, joins, rollups and dead letters are on. The rate is
that of the micro-batches after the first, which pays for the start of Spark's workers.

    python -m benchmarks.stream_rate [--orders 200000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import psutil

from benchmarks.bench import cpu_seconds, fill_topic, own_platform, with_database
from ecom_platform.local.instance import Instance
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.settings import Settings
from ecom_platform.streaming.process import StreamCommand, start_stream

BATCH = re.compile(r"^(\S+ \S+) INFO batch_applied id=(\d+) events=(\d+)", re.MULTILINE)


@dataclass
class Run:
    """One backlog applied: events per second, and CPU microseconds per event by who used them."""

    rate: float
    events: int
    cpu_microseconds: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Measure both loads and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print("| load | events | events/s (median) | runs | CPU µs per event |\n|---|---|---|---|---|")
    for name, only_placed in (("placed orders only", True), ("whole life cycle", False)):
        with own_platform() as settings:
            events = fill_topic(settings, options.orders, only_placed=only_placed)
            runs = [measure(settings, number) for number in range(options.repeat)]
        rates = sorted(run.rate for run in runs)
        middle = min(runs, key=lambda run: abs(run.rate - statistics.median(rates)))
        shares = ", ".join(f"{who} {used:.0f}" for who, used in middle.cpu_microseconds.items())
        spread = " ".join(f"{rate:,.0f}" for rate in rates)
        print(f"| {name} | {events:,} | **{statistics.median(rates):,.0f}** | {spread} | {shares} |", flush=True)


def measure(settings: Settings, number: int) -> Run:
    """Apply the whole topic into a database of its own."""
    own = with_database(settings, f"run_{number}")
    log_file = own.logs / f"bench-{number}.log"
    mongod = psutil.Process(Supervisord(Instance.of(settings)).states()["mongodb"].pid)
    kafka = psutil.Process(Supervisord(Instance.of(settings)).states()["kafka"].pid)
    before = {"mongod": cpu_seconds(mongod), "Kafka": cpu_seconds(kafka)}
    child = start_stream(own, StreamCommand(token=number + 1, available_now=True), log_file)
    family: dict[str, float] = {}
    while child.poll() is None:
        # Workers that have ended are no longer counted, so each figure keeps the highest it ever was.
        family = {who: max(used, family.get(who, 0.0)) for who, used in _sample(psutil.Process(child.pid)).items()}
        time.sleep(0.2)
    assert child.returncode == 0, log_file.read_text()[-2000:]
    used = {"mongod": cpu_seconds(mongod) - before["mongod"], "Kafka": cpu_seconds(kafka) - before["Kafka"], **family}
    return _summarize(log_file.read_text(), used)


def _sample(driver: psutil.Process) -> dict[str, float]:
    """CPU seconds so far of the JVM and of the Python workers."""
    seconds = {"JVM": 0.0, "Python workers": 0.0}
    for process in _family(driver):
        with suppress(psutil.Error):  # ended meanwhile
            seconds["JVM" if "java" in process.name() else "Python workers"] += cpu_seconds(process)
    return seconds


def _family(driver: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return driver.children(recursive=True)
    return []


def _summarize(log: str, used: dict[str, float]) -> Run:
    batches = [(datetime.fromisoformat(at.replace(",", ".")), int(events)) for at, _, events in BATCH.findall(log)]
    assert len(batches) > 2, "too few micro-batches to tell a rate"
    later = sum(events for _, events in batches[1:])
    seconds = (batches[-1][0] - batches[0][0]).total_seconds()
    total = sum(events for _, events in batches)
    return Run(later / seconds, total, {who: cpu / total * 1e6 for who, cpu in used.items()})


if __name__ == "__main__":
    main()
