"""Runs the shop against the clock: `simulate` behind `ecom simulate`. Pacing happens here and nowhere deeper."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from itertools import islice
from math import ceil
from pathlib import Path
from threading import Event
from typing import Literal

from msgspec import Struct, field

from ecom_platform.errors import UsageError
from ecom_platform.settings import Settings
from ecom_platform.simulator.config import MINUTE_MS, Curve, ShopConfig
from ecom_platform.simulator.demand import Demand
from ecom_platform.simulator.dimensions import Dimensions, default_shop
from ecom_platform.simulator.emission import Emission
from ecom_platform.simulator.history import LoadState, Report
from ecom_platform.simulator.ledger import Ledger, write_labels
from ecom_platform.simulator.producer import LagWatch, LedgerProducer
from ecom_platform.simulator.scenario import Scenario, load_scenario, place_incidents
from ecom_platform.simulator.shop_parts import FIRST_SUBSTREAM, ShopParts, seed_of
from ecom_platform.simulator.state import StateStore
from ecom_platform.simulator.stopping import stop_requests

Rate = float | Literal["max"]
Progress = Callable[[float, float], None]

_FOREVER_MS = 2**61
_BATCH = 500
_MAX_IN_FLIGHT = 10_000  # messages Kafka may owe an answer for; more would only fill memory
_PAUSE_SECONDS = 0.02
_SAVE_SECONDS = 5.0
_STOP_SECONDS = 1.2
_REPORT_SECONDS = 1.0
_STANDSTILL_SECONDS = 30.0  # a stream that was started again applies by then
_MAX_RATE = 10_000
_DEPTH_MINUTES = 366 * 1440


class RunSummary(Struct):
    """What a run did. `orders` counts real placed orders, `events` every message, `faults` the faulty ones by kind."""

    seed: int
    orders: int = 0
    events: int = 0
    acked: int = 0
    interrupted: bool = False
    seconds: float = 0.0
    event_types: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] = field(default_factory=Counter)
    ledger: str = ""

    def count(self, batch: list[Emission]) -> None:
        """Add a batch."""
        self.events += len(batch)
        for message in batch:
            self.event_types[message.event_type] += 1
            self.expected[message.expected] += 1
            self.orders += message.total_cents is not None
            if message.fault:
                self.faults[message.fault] += 1


class Plan(Struct):
    """A run on the clock: where simulated time starts, where it ends at the latest, and whether it follows ours."""

    config: ShopConfig
    start_ms: int
    end_ms: int
    orders: int | None
    paced: bool


def ledger_folder(settings: Settings) -> Path:
    """Folder of the ledger."""
    return settings.home / "ledger"


def state_folder(settings: Settings) -> Path:
    """Folder of the simulator's state."""
    return settings.home / "simulator"


def shop_seed(settings: Settings, seed: int | None = None) -> int:
    """Return the seed `simulate` will use; raises UsageError when the home's shop has another one."""
    return seed_of(StateStore(state_folder(settings)).load(), seed)


def simulate(
    settings: Settings,
    *,
    orders: int | None = None,
    days: float | None = None,
    rate: Rate = 1.0,
    seed: int | None = None,
    scenario: str = "steady",
    progress: Progress | None = None,
    dimensions: Dimensions | None = None,
    start_ms: int | None = None,
    report: Report | None = None,
) -> RunSummary:
    """Send the events of the home's shop to Kafka, under the ledger.

    With `days` that many days up to now are written as fast as Kafka takes them (`rate` does not matter). With `rate`
    = "max" the last of `orders` orders is placed shortly before now, the others before it, one a second on average.
    Else `rate` orders a second are placed now, until `orders` are placed or it is stopped (SIGTERM, Ctrl-C).

    Args:
        settings: topic, Kafka and home.
        orders: how many orders to place.
        days: how many days of history to write.
        rate: orders a second, or "max".
        seed: of a fresh home's shop; a known home keeps its own.
        scenario: name of a file in `simulator/scenarios`.
        progress: called with (done, total) in orders, or in simulated minutes when only `days` is given.
        dimensions: the shop; default: `default_shop(seed)`.
        start_ms: simulated start instead of the one described above, for runs that must repeat byte by byte.
        report: is told how far a history is (of `days`, or of `rate` = "max"); then a run ends only when a stream that
            applies it has done so, or when it is stopped.

    Raises:
        UsageError: the arguments contradict each other, or another simulator works in this home.
        UnavailableError: Kafka does not take messages; the next run sends what is missing.
    """
    check_arguments(orders, days, rate)
    story = load_scenario(scenario)
    began = time.monotonic()
    with StateStore(state_folder(settings)) as store, Ledger(ledger_folder(settings)) as ledger:
        state = store.load()
        seed = seed_of(state, seed)
        dimensions = dimensions or default_shop(seed)
        substream = state.next_substream if state else FIRST_SUBSTREAM
        plan = plan_run(seed, story, dimensions, substream, orders=orders, days=days, rate=rate, start_ms=start_ms)
        summary = RunSummary(seed, ledger=str(ledger.file))
        told = None if report is None or plan.paced else _Told(report, progress)
        with (
            stop_requests() as stop,
            LedgerProducer(settings, ledger) as producer,
            LagWatch(settings, producer) if told else nullcontext() as lag,
        ):
            if state:
                parts = ShopParts.resume(store, producer, dimensions, state)
                _go_on(parts, plan)
            else:
                parts = ShopParts.open(store, producer, dimensions, plan.config, plan.start_ms)
            write_labels(ledger_folder(settings), plan.config.incidents)
            _run(parts, producer, plan, stop, summary=summary, progress=told or progress)
            parts.save_when_settled(_STOP_SECONDS if stop.is_set() else 150.0)
            summary.acked, summary.interrupted = producer.acked, stop.is_set()
            summary.seconds = time.monotonic() - began
            if told and lag:
                told.until_applied(lag, producer.ends, stop)
    return summary


def check_arguments(orders: int | None, days: float | None, rate: Rate) -> None:
    """Raise UsageError for arguments nothing sensible can be done with."""
    if orders is not None and orders < 1:
        raise UsageError(f"--orders {orders}: at least one order is needed.")
    if days is not None and not 0 < days <= 366:
        raise UsageError(f"--days {days}: more than 0 and at most 366 days are possible.")
    if rate == "max":
        if orders is None and days is None:
            raise UsageError("--rate max needs to know where to stop: add --orders N or --days D.")
    elif not 0 < rate <= _MAX_RATE:
        raise UsageError(f"--rate {rate}: more than 0 and at most {_MAX_RATE} orders a second, or max.")


def plan_run(
    seed: int,
    scenario: Scenario,
    dimensions: Dimensions,
    substream: int = FIRST_SUBSTREAM,
    *,
    orders: int | None = None,
    days: float | None = None,
    rate: Rate = 1.0,
    start_ms: int | None = None,
    now_ms: int | None = None,
) -> Plan:
    """Decide where simulated time starts and ends; pure when `now_ms` is given. `substream`: of its customers."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    now_minute = now_ms // MINUTE_MS
    if days is None and rate != "max":
        paced, config = True, ShopConfig(seed, float(rate), Curve.FLAT, scenario.faults)
        start, end = now_ms, _FOREVER_MS
    else:
        paced, config = False, ShopConfig(seed, 1.0, Curve.CALIBRATED, scenario.faults)
        demand = Demand(config, dimensions, substream)
        minutes = ceil(days * 1440) if days else _minutes_for(orders or 0, demand, now_minute)
        start = (now_minute - minutes) * MINUTE_MS
        end = now_minute * MINUTE_MS if days else _FOREVER_MS
    if start_ms is not None:
        start, end = start_ms, end + start_ms - start if end < _FOREVER_MS else end
    incidents = place_incidents(scenario.incidents, dimensions, seed, start)
    config = ShopConfig(seed, config.orders_per_second, config.curve, config.faults, incidents)
    return Plan(config, start, end, orders, paced)


def _minutes_for(orders: int, demand: Demand, now_minute: int) -> int:
    """Return how many minutes before now the shop must open to place `orders` orders (about 1 % are lost sales)."""
    wanted, minutes = orders * 1.02 + 4, 0
    while wanted > 0 and minutes < _DEPTH_MINUTES:
        minutes += 1
        wanted -= demand.count(now_minute - minutes)
    return minutes


def _go_on(parts: ShopParts, plan: Plan) -> None:
    """Send an existing shop to the start of this run; a past it had not finished stays unwritten."""
    while parts.backlog:
        parts.live.merge(parts.backlog.pop().shop)
    parts.live.retarget(plan.config, plan.start_ms, parts.new_substream())
    parts.save()


def _run(
    parts: ShopParts,
    producer: LedgerProducer,
    plan: Plan,
    stop: Event,
    *,
    summary: RunSummary,
    progress: Progress | None,
) -> None:
    shop = parts.live
    while not stop.is_set():
        if producer.in_flight > _MAX_IN_FLIGHT:
            producer.settle()
            time.sleep(_PAUSE_SECONDS)
            continue
        until = min(plan.end_ms, time.time_ns() // 1_000_000) if plan.paced else plan.end_ms
        left = None if plan.orders is None else plan.orders - summary.orders
        batch = _next_batch(shop.advance(until), left)
        parts.send(shop, batch)
        producer.settle()
        summary.count(batch)
        _report(progress, plan, summary, shop.clock_ms)
        if plan.orders is not None and summary.orders >= plan.orders:
            return
        if len(batch) < _BATCH and not plan.paced:
            return
        if parts.seconds_since_save() > _SAVE_SECONDS:
            parts.save_when_settled(1.0)
        if not batch:
            time.sleep(_PAUSE_SECONDS)


def _next_batch(messages: Iterator[Emission], orders_left: int | None) -> list[Emission]:
    """Take the next messages, but not one after the last order that is wanted."""
    if orders_left is None:
        return list(islice(messages, _BATCH))
    batch = []
    for message in islice(messages, _BATCH):
        batch.append(message)
        orders_left -= message.total_cents is not None
        if not orders_left:
            break
    return batch


def _report(progress: Progress | None, plan: Plan, summary: RunSummary, clock_ms: int) -> None:
    if progress is None:
        return
    if plan.orders is not None:
        progress(summary.orders, plan.orders)
    elif plan.end_ms < _FOREVER_MS:
        progress((clock_ms - plan.start_ms) / MINUTE_MS, (plan.end_ms - plan.start_ms) / MINUTE_MS)


class _Told:
    """Tells about once a second how far a history is that is written from its beginning to now.

    Until the end some order of every day may be missing, so that only what is placed from now on is known.
    """

    def __init__(self, report: Report, progress: Progress | None) -> None:
        self._report = report
        self._progress = progress
        self._known_from_ms = time.time_ns() // 1_000_000
        self._tell(0.0)

    def __call__(self, done: float, total: float) -> None:
        """Take the progress of the run, and pass it on."""
        if self._progress is not None:
            self._progress(done, total)
        if time.monotonic() - self._told_at > _REPORT_SECONDS:
            self._tell(done / total)

    def until_applied(self, lag: LagWatch, ends: Mapping[int, int], stop: Event) -> None:
        """Wait while a stream applies what lies before these offsets. Without one the last word grows too old."""

        def is_applied() -> bool:
            return all(lag.published.get(partition, 0) >= end for partition, end in ends.items())

        published, moved_at = lag.published, time.monotonic()
        while lag.behind() is not None and not is_applied() and time.monotonic() - moved_at < _STANDSTILL_SECONDS:
            if stop.wait(_REPORT_SECONDS):
                return
            self._tell(1.0)
            if lag.published != published:
                published, moved_at = lag.published, time.monotonic()
        if is_applied():
            self._report(LoadState(1.0, None))

    def _tell(self, share: float) -> None:
        self._report(LoadState(min(share, 0.99), self._known_from_ms))
        self._told_at = time.monotonic()
