"""The live simulator of the demo: simulated time is the wall clock, and the past is filled in beside it.

Live orders never wait for the past: each round first sends what is due now, then at most one batch of history, and
that only while the stream is less than 8,000 messages behind.
"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from threading import Event

import msgspec

from ecom_platform.settings import Settings
from ecom_platform.simulator.config import MINUTE_MS, Curve, ShopConfig
from ecom_platform.simulator.dimensions import Dimensions, default_shop
from ecom_platform.simulator.emission import from_ms
from ecom_platform.simulator.ledger import Ledger, write_labels
from ecom_platform.simulator.parts import Parts, seed_of
from ecom_platform.simulator.producer import LagWatch, LedgerProducer
from ecom_platform.simulator.run import ledger_folder, state_folder
from ecom_platform.simulator.scenario import demo_incidents
from ecom_platform.simulator.state import StateStore, write_atomically
from ecom_platform.simulator.stopping import stop_requests

__all__ = ["HISTORY_FILE", "history_allowance", "serve"]

HISTORY_FILE = "history.json"
HISTORY_LAG = 8_000  # the lag sensor fires at 10,000; live orders and one batch fit in between

_BATCH = 500
_PAUSE_SECONDS = 0.05
_SAVE_SECONDS = 5.0
_REPORT_SECONDS = 1.0
_SHORT_GAP_MS = 5 * MINUTE_MS
_EVENTS_PER_ORDER = 2.8
_STOP_SECONDS = 1.2


def history_allowance(behind: int | None) -> int:
    """Return how many messages of history may be sent now; nothing while nobody knows how far the stream is."""
    return 0 if behind is None else max(0, min(_BATCH, HISTORY_LAG - behind))


def serve(settings: Settings, *, history_days: float = 2.0, seed: int | None = None) -> None:
    """Sell live until somebody says stop (SIGTERM, Ctrl-C), and fill the past in.

    A fresh home gets `history_days` of history, a known one the gap since it stopped, `history_days` at the most.
    The share of history written stands in `ECOM_HOME/simulator/history.json`.

    Raises:
        UsageError: another simulator works in this home.
        UnavailableError: Kafka does not take messages; the next start sends what is missing.
    """
    with StateStore(state_folder(settings)) as store, Ledger(ledger_folder(settings)) as ledger:
        state = store.load()
        seed = seed_of(state, seed)
        dimensions = default_shop(seed)
        with stop_requests() as stop, LedgerProducer(settings, ledger) as producer:
            parts = Parts.resume(store, producer, dimensions, state) if state else None
            now_ms = time.time_ns() // 1_000_000
            parts = prepare(parts, store, producer, dimensions, seed=seed, history_days=history_days, now_ms=now_ms)
            write_labels(ledger_folder(settings), parts.live.config.incidents)
            with LagWatch(settings, producer) as lag:
                _loop(parts, producer, lag, state_folder(settings), stop)
            parts.save_when_settled(_STOP_SECONDS)


def prepare(
    parts: Parts | None,
    store: StateStore,
    producer: LedgerProducer,
    dimensions: Dimensions,
    *,
    seed: int,
    history_days: float,
    now_ms: int,
) -> Parts:
    """Bring the shop to now: a live part, and a backlog for the past that is missing (in a short gap: none)."""
    now_minute = now_ms // MINUTE_MS
    config = ShopConfig(seed, 1.0, Curve.CLAMPED, incidents=demo_incidents(dimensions, seed, now_ms))
    earliest_ms = (now_minute - int(history_days * 1440)) * MINUTE_MS
    if parts is None:
        parts = Parts.open(store, producer, dimensions, config, earliest_ms)
    else:
        _shorten(parts, earliest_ms)
        # A clock ahead of ours (it was put back, or the shop was sent into the future) waits for nobody.
        start_ms = min(max(parts.live.clock_ms, earliest_ms), now_ms)
        parts.live.retarget(config, start_ms, parts.new_stream())
        parts.save()
    if parts.live.clock_ms < now_ms - _SHORT_GAP_MS:
        parts.split_off_live(dimensions, now_minute)
    return parts


def _shorten(parts: Parts, earliest_ms: int) -> None:
    """Give up the past before `earliest_ms` that an earlier start had not finished."""
    for one in list(parts.backlog):
        if one.end_minute * MINUTE_MS <= earliest_ms:
            parts.live.merge(one.shop)
            parts.backlog.remove(one)
        elif one.shop.clock_ms < earliest_ms:
            one.shop.retarget(one.shop.config, earliest_ms, parts.new_stream())
            one.start_minute = earliest_ms // MINUTE_MS


def _loop(parts: Parts, producer: LedgerProducer, lag: LagWatch, folder: Path, stop: Event) -> None:
    done, reported_at = 0, 0.0
    while not stop.is_set():
        live = list(islice(parts.live.advance(time.time_ns() // 1_000_000), _BATCH))
        parts.send(parts.live, live)
        producer.settle()
        past = 0
        if parts.backlog and len(live) < _BATCH:
            past = _write_past(parts, producer, history_allowance(lag.behind()))
            done += past
        if time.monotonic() - reported_at > _REPORT_SECONDS:
            report_history(folder, parts, done)
            reported_at = time.monotonic()
        if parts.seconds_since_save() > _SAVE_SECONDS:
            parts.save_when_settled(0.5)
        if not live and not past:
            stop.wait(_PAUSE_SECONDS)
    report_history(folder, parts, done)


def _write_past(parts: Parts, producer: LedgerProducer, allowance: int) -> int:
    """Send up to `allowance` messages of the oldest part; merge it when its past is written."""
    if not allowance:
        return 0
    part = parts.backlog[0]
    batch = list(islice(part.shop.advance(part.end_minute * MINUTE_MS), allowance))
    parts.send(part.shop, batch)
    if len(batch) < allowance and producer.drain(1.0):
        parts.merge_first()
    return len(batch)


def report_history(folder: Path, parts: Parts, done: int) -> None:
    """Write how much of the past this start has written: events, their estimated total, share from 0 to 1."""
    minutes = sum(one.end_minute - one.start_minute for one in parts.backlog)
    written = sum(one.share * (one.end_minute - one.start_minute) for one in parts.backlog)
    share = written / minutes if minutes else 1.0
    left = sum((one.end_minute - one.start_minute) * (1 - one.share) for one in parts.backlog) * 60
    total = done + round(left * _EVENTS_PER_ORDER)
    now = from_ms(time.time_ns() // 1_000_000).isoformat()
    report = {"done": done, "total_estimate": total, "share": round(share, 4), "updated_at": now}
    write_atomically(folder / HISTORY_FILE, msgspec.json.encode(report))
