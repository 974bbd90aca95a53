"""The time ranges a reader can choose, and what each of them reads and compares. Pure; all times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ecom_platform.kpi import Grain
from ecom_platform.kpi.figures import half_hour

__all__ = ["DAY", "Comparison", "Preset", "Span", "Window", "resolve"]

DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


class Preset(StrEnum):
    """The choices of the range control, as written on it and in the address."""

    HOUR = "1 h"
    TODAY = "Today"
    YESTERDAY = "Yesterday"
    WEEK = "7 d"
    MONTH = "30 d"


@dataclass(frozen=True)
class Window:
    """`[start, end)`; empty when they are equal."""

    start: datetime
    end: datetime

    def shifted(self, by: timedelta) -> Window:
        """The same window earlier by `by`."""
        return Window(self.start - by, self.end - by)

    def until(self, end: datetime) -> Window:
        """The part of the window before `end`."""
        return Window(self.start, max(self.start, min(self.end, end)))


@dataclass(frozen=True)
class Comparison:
    """Two windows of equal length, and the name of the baseline: short for a tile, exact for the line above."""

    current: Window
    baseline: Window
    short: str
    text: str


@dataclass(frozen=True)
class Span:
    """A preset at one instant.

    `window` is what totals count; `promises` the closed half hours on-time shares are judged over,
    `promises_before` their baseline; `products` the whole hours product sales are kept by; `earlier` how far back the
    dotted line lies. None: the buckets it takes are no longer kept.
    """

    preset: Preset
    window: Window
    promises: Window
    promises_before: Window | None
    products: Window
    grain: Grain
    comparison: Comparison
    earlier: timedelta | None
    earlier_name: str


def resolve(preset: Preset, now: datetime) -> Span:
    """What `preset` means at `now` (aware, UTC)."""
    if preset is Preset.HOUR:
        return _last_hour(now)
    if preset is Preset.MONTH:
        return _last_month(now)
    return _last_days(preset, now)


def _last_hour(now: datetime) -> Span:
    minute = now.replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    as_of = half_hour(now)
    current = Window(minute - _HOUR, minute)
    promises = Window(as_of - _HOUR, as_of)
    return Span(
        preset=Preset.HOUR,
        window=Window(minute + _MINUTE - _HOUR, minute + _MINUTE),
        promises=promises,
        promises_before=promises.shifted(DAY),
        products=Window(hour - _HOUR, hour + _HOUR),
        grain=Grain.MINUTE,
        comparison=Comparison(current, current.shifted(DAY), "vs yesterday", f"vs yesterday to {minute:%H:%M}"),
        earlier=DAY,
        earlier_name="yesterday",
    )


def _last_days(preset: Preset, now: datetime) -> Span:
    midnight, as_of = _midnight(now), half_hour(now)
    days, last_day, earlier_name = {
        Preset.TODAY: (1, midnight, "yesterday"),
        Preset.YESTERDAY: (1, midnight - DAY, "the day before"),
        Preset.WEEK: (7, midnight, "7 days before"),
    }[preset]
    window = Window(last_day + DAY - days * DAY, last_day + DAY)
    current = window.until(as_of)
    cut = "" if current == window else f" to {as_of:%H:%M}"
    baseline = current.shifted(days * DAY)
    return Span(
        preset=preset,
        window=window,
        promises=current,
        promises_before=baseline,
        products=window,
        grain=Grain.HALF_HOUR,
        comparison=Comparison(current, baseline, f"vs {earlier_name}", f"vs {earlier_name}{cut}"),
        earlier=DAY if days == 1 else None,
        earlier_name=earlier_name,
    )


def _last_month(now: datetime) -> Span:
    midnight = _midnight(now)
    window = Window(midnight - 29 * DAY, midnight + DAY)
    # The half hours of a month ago are no longer kept: only complete days can be compared.
    current = window.until(midnight)
    return Span(
        preset=Preset.MONTH,
        window=window,
        promises=window.until(half_hour(now)),
        promises_before=None,
        products=window,
        grain=Grain.DAY,
        comparison=Comparison(
            current, current.shifted(29 * DAY), "vs 29 days before", "of 29 complete days vs the 29 before"
        ),
        earlier=None,
        earlier_name="",
    )


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
