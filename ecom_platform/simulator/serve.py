"""The live simulator of the demo: simulated time is the wall clock, and the past is filled in beside it.

Live orders never wait for the past: each round first sends what is due now, then at most one batch of history, and
that only while the stream is less than 8,000 messages behind.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from threading import Event

from ecom_platform.contract import EventType
from ecom_platform.settings import Settings
from ecom_platform.simulator.config import MINUTE_MS, Curve, ShopConfig
from ecom_platform.simulator.dimensions import Dimensions, default_shop
from ecom_platform.simulator.emission import Emission
from ecom_platform.simulator.history import HISTORY_BATCH, HistoryProgress, LoadState, Report, history_allowance
from ecom_platform.simulator.ledger import Ledger, write_labels
from ecom_platform.simulator.producer import LagWatch, LedgerProducer
from ecom_platform.simulator.run import ledger_folder, state_folder
from ecom_platform.simulator.scenario import demo_incidents
from ecom_platform.simulator.shop_parts import ShopParts, seed_of
from ecom_platform.simulator.state import StateStore
from ecom_platform.simulator.stopping import stop_requests

_PAUSE_SECONDS = 0.05
_SAVE_SECONDS = 5.0
_REPORT_SECONDS = 1.0
_SHORT_GAP_MS = 5 * MINUTE_MS
_STOP_SECONDS = 1.2


def serve(settings: Settings, report: Report, *, history_days: float = 2.0, seed: int | None = None) -> None:
    """Sell live until told to stop (SIGTERM, Ctrl-C), and fill the past in.

    A fresh home gets `history_days` of history, a known one the gap since it stopped, `history_days` at the most.

    Args:
        settings: topic, Kafka and home.
        report: is told how far the history is.
        history_days: as above.
        seed: of a fresh home's shop.

    Raises:
        UsageError: another simulator works in this home.
        UnavailableError: Kafka does not take messages; the next start sends what is missing.
    """
    with StateStore(state_folder(settings)) as store, Ledger(ledger_folder(settings)) as ledger:
        now_ms = time.time_ns() // 1_000_000
        report(LoadState(0.0, now_ms))  # until it is known what is missing
        state = store.load()
        seed = seed_of(state, seed)
        dimensions = default_shop(seed)
        with stop_requests() as stop, LedgerProducer(settings, ledger) as producer:
            parts = ShopParts.resume(store, producer, dimensions, state) if state else None
            parts = prepare(parts, store, producer, dimensions, seed=seed, history_days=history_days, now_ms=now_ms)
            write_labels(ledger_folder(settings), parts.live.config.incidents)
            with LagWatch(settings, producer) as lag:
                _loop(parts, producer, lag, report, stop)
            parts.save_when_settled(_STOP_SECONDS)


def prepare(
    parts: ShopParts | None,
    store: StateStore,
    producer: LedgerProducer,
    dimensions: Dimensions,
    *,
    seed: int,
    history_days: float,
    now_ms: int,
) -> ShopParts:
    """Bring the shop to now: a live part, and a backlog for the past that is missing (in a short gap: none)."""
    now_minute = now_ms // MINUTE_MS
    config = ShopConfig(seed, 1.0, Curve.CLAMPED, incidents=demo_incidents(dimensions, seed, now_ms))
    earliest_ms = (now_minute - int(history_days * 1440)) * MINUTE_MS
    if parts is None:
        parts = ShopParts.open(store, producer, dimensions, config, earliest_ms)
    else:
        _shorten(parts, earliest_ms)
        # A clock ahead of ours (it was put back, or the shop was sent into the future) does not wait.
        start_ms = min(max(parts.live.clock_ms, earliest_ms), now_ms)
        parts.live.retarget(config, start_ms, parts.new_substream())
        parts.save()
    if parts.live.clock_ms < now_ms - _SHORT_GAP_MS:
        parts.split_off_past(dimensions, now_minute)
    return parts


def _shorten(parts: ShopParts, earliest_ms: int) -> None:
    """Give up the past before `earliest_ms` that an earlier start had not finished."""
    for one in list(parts.backlog):
        if one.end_minute * MINUTE_MS <= earliest_ms:
            parts.live.merge(one.shop)
            parts.backlog.remove(one)
        elif one.shop.clock_ms < earliest_ms:
            one.shop.retarget(one.shop.config, earliest_ms, parts.new_substream())
            one.start_minute = earliest_ms // MINUTE_MS


def _loop(parts: ShopParts, producer: LedgerProducer, lag: LagWatch, report: Report, stop: Event) -> None:
    progress, first_order, merged, reported_at = HistoryProgress(parts.backlog), None, False, 0.0
    while not stop.is_set():
        live = list(islice(parts.live.advance(time.time_ns() // 1_000_000), HISTORY_BATCH))
        parts.send(parts.live, live)
        producer.settle()
        first_order = first_order or _first_order(live)
        past = 0
        if len(live) < HISTORY_BATCH:
            if merged and producer.drain(1.0):
                progress.sent(parts.backlog, producer.ends)
                merged = False
            elif parts.backlog:
                past, merged = _write_past(parts, producer, history_allowance(lag.behind()))
        if time.monotonic() - reported_at > _REPORT_SECONDS:
            progress.applied(lag.published)
            report(progress.state(parts.backlog, first_order))
            reported_at = time.monotonic()
        if parts.seconds_since_save() > _SAVE_SECONDS:
            parts.save_when_settled(0.5)
        if not live and not past:
            stop.wait(_PAUSE_SECONDS)


def _first_order(batch: Iterable[Emission]) -> int | None:
    return next((one.order_id for one in batch if one.event_type == EventType.ORDER_PLACED), None)


def _write_past(parts: ShopParts, producer: LedgerProducer, allowance: int) -> tuple[int, bool]:
    """Send up to `allowance` messages of the newest stretch; merge it when it is written. Returns how many, whether."""
    if not allowance:
        return 0, False
    part = parts.backlog[0]
    batch = list(islice(part.shop.advance(part.end_minute * MINUTE_MS), allowance))
    parts.send(part.shop, batch)
    written = len(batch) < allowance and producer.drain(1.0)
    if written:
        parts.merge_first()
    return len(batch), written
