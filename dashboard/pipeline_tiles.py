"""The tiles of the Pipeline page: how the stream is doing at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard import formats
from dashboard.panels import tile_grid
from dashboard.queries.pipeline import Minute, Stream, wait_seconds
from ecom_platform.streaming.latency_histogram import LONGEST_SECONDS

TILE_HEIGHT = 110
_RATE_MINUTES = 5


@dataclass(frozen=True)
class _Tile:
    """One figure, another one beside it, what that is, and the help."""

    label: str
    value: str
    beside: str
    words: str
    meaning: str


def draw_tiles(found: Stream, minutes: Sequence[Minute], now: datetime) -> None:
    """Draw them.

    Args:
        minutes: of the last hour; the last one is not over.
        now: when all of it was read.
    """
    full = minutes[-1 - _RATE_MINUTES : -1]
    with tile_grid(6):
        for one in (_equations(found), _lag(found), _rate(full), _newest(found, now), _wait(full), _batch(found)):
            st.metric(
                one.label,
                one.value,
                one.beside,
                "off",
                delta_arrow="off",
                delta_description=one.words,
                help=one.meaning,
                border=True,
                height=TILE_HEIGHT,
            )


def _equations(found: Stream) -> _Tile:
    holding, all_lights = sum(light.holds for light in found.lights), len(found.lights)
    return _Tile(
        "Equations",
        f"{holding} of {all_lights}" if all_lights else formats.UNKNOWN,
        "add up" if holding == all_lights else "DO NOT add up",
        "",
        "Sums that must always agree; the card below shows their numbers.",
    )


def _lag(found: Stream) -> _Tile:
    meaning = "End of the topic minus what was applied, over all partitions, at the last heartbeat."
    count = formats.count(found.lag) if found.progress else formats.UNKNOWN
    if not found.held:
        return _Tile("Lag", count, "events", "to come", meaning)
    words = f"held back since {formats.clock(found.held_since)}"
    reason = "A producer has not ended its transaction: what stands behind its start cannot be read yet."
    return _Tile("Lag", count, formats.count(found.held), words, f"{meaning} {reason}")


def _rate(full: Sequence[Minute]) -> _Tile:
    events = sum(minute.events for minute in full)
    return _Tile(
        "Events per second",
        f"{events / _RATE_MINUTES / 60:,.1f}",
        formats.count(events),
        f"in {_RATE_MINUTES} full minutes",
        "All events that were read, by Kafka's clock, refused ones included.",
    )


def _newest(found: Stream, now: datetime) -> _Tile:
    last = found.last_record_at
    return _Tile(
        "Newest event",
        formats.clock(last),
        formats.UNKNOWN if last is None else f"{max(0.0, (now - last).total_seconds()):.1f} s old",
        "when asked",
        "Kafka's time of the newest event that was applied; its age, too, while the shop sells nothing.",
    )


def _wait(full: Sequence[Minute]) -> _Tile:
    return _Tile(
        "Event to MongoDB",
        _seconds(wait_seconds(full, 50)),
        _seconds(wait_seconds(full, 95)),
        "for 95 of 100",
        "Half of the live events (sent within a minute of happening; a history and an import do not count) took no "
        "longer than this from Kafka's time to the transaction that applies them, whose commit comes some milliseconds "
        f"later; over the last {_RATE_MINUTES} full minutes, to 50 ms.",
    )


def _batch(found: Stream) -> _Tile:
    batch = found.last_batch
    return _Tile(
        "Last batch",
        formats.count(batch.batch_events) if batch else formats.UNKNOWN,
        f"in {batch.batch_seconds:.2f} s" if batch else formats.UNKNOWN,
        "events",
        "The last micro-batch that had anything to apply, and how long it took to commit.",
    )


def _seconds(number: float | None) -> str:
    if number is None:
        return formats.UNKNOWN
    return f"≥ {number:.0f} s" if number >= LONGEST_SECONDS else f"{number:.2f} s"
