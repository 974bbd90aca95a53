"""The time ranges a reader can choose, and what each of them reads and compares. Pure; all times are UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from ecom_platform.contract.times import EPOCH, midnight
from ecom_platform.kpi import Grain
from ecom_platform.kpi.figures import half_hour

DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_MOST_FINE_DAYS = 7
FEWEST_USUAL_DAYS = 3
MOST_USUAL_DAYS = 7
"""How many complete days it takes to say what is usual, and how far back they may lie."""


class Preset(StrEnum):
    """The choices of the range control, as written on it and in the address."""

    HOUR = "1 h"
    TODAY = "Today"
    YESTERDAY = "Yesterday"
    WEEK = "7 d"
    MONTH = "30 d"
    DAYS = "Days"


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

    def since(self, start: datetime, grain: Grain) -> Window:
        """The part of the window from the first whole bucket of `grain` on that begins at or after `start`."""
        if start <= self.start:
            return self
        length = timedelta(seconds=grain.seconds)
        return Window(min(self.end, start + (EPOCH - start) % length), self.end)


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
    `promises_before` their baseline; `products` the whole hours product sales are kept by, `products_before` their
    baseline; `earlier` how far back the dotted line lies; `usual` the complete days whose half hours say what is usual
    on the one day that is shown. None: the buckets it takes are no longer kept, or it makes no sense for this range.
    `is_cut`: the range began earlier, and what was before is not known yet.
    """

    preset: Preset
    window: Window
    promises: Window
    promises_before: Window | None
    products: Window
    products_before: Window | None
    grain: Grain
    comparison: Comparison
    earlier: timedelta | None
    earlier_name: str
    usual: Window | None = None
    is_cut: bool = False

    def since(self, known_from: datetime, now: datetime) -> Span | None:
        """What is known of the range while orders from before `known_from` are missing; None: nothing yet.

        It begins with a whole bucket, as totals are sums of buckets; `now` must lie behind that.
        """
        window, products = self.window.since(known_from, self.grain), self.products.since(known_from, Grain.HOUR)
        if max(window.start, products.start) >= min(window.end, now):
            return None
        return replace(self, window=window, products=products, is_cut=window != self.window)


def resolve(preset: Preset, now: datetime, days: tuple[date, date] | None = None) -> Span:
    """What `preset` means at `now` (aware, UTC); `days` are the first and the last of custom days (default: today)."""
    if preset is Preset.HOUR:
        return _last_hour(now)
    if preset is Preset.DAYS and days is not None:
        first, last = (datetime.combine(day, time(), UTC) for day in sorted(days))
        return _days(preset, Window(first, last + DAY), now)
    return _days(preset, _WINDOWS[Preset.TODAY if preset is Preset.DAYS else preset](midnight(now)), now)


_WINDOWS: Mapping[Preset, Callable[[datetime], Window]] = {
    Preset.TODAY: lambda today: Window(today, today + DAY),
    Preset.YESTERDAY: lambda today: Window(today - DAY, today),
    Preset.WEEK: lambda today: Window(today - 6 * DAY, today + DAY),
    Preset.MONTH: lambda today: Window(today - 29 * DAY, today + DAY),
}


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
        products_before=Window(hour - _HOUR, hour + _HOUR).shifted(DAY),
        grain=Grain.MINUTE,
        comparison=Comparison(current, current.shifted(DAY), "vs yesterday", f"vs yesterday to {minute:%H:%M}"),
        earlier=DAY,
        earlier_name="yesterday",
    )


def _days(preset: Preset, window: Window, now: datetime) -> Span:
    days = (window.end - window.start) // DAY
    kept = now - (Grain.HALF_HOUR.retention or DAY) + _HOUR  # the finest documents older than this may be gone
    fine = window.start >= kept and days <= _MOST_FINE_DAYS
    promises = window.until(half_hour(now))
    comparable = promises if midnight(promises.end - days * DAY) >= kept else window.until(midnight(now))
    whole = comparable == promises
    comparison = _comparison(preset, window, comparable, days if whole else (comparable.end - comparable.start) // DAY)
    baseline = comparison.baseline
    hour = baseline.end.replace(minute=0)
    return Span(
        preset=preset,
        window=window,
        promises=promises,
        promises_before=baseline if whole else None,
        products=window,
        products_before=Window(baseline.start, hour if hour == baseline.end else hour + _HOUR),
        grain=Grain.HALF_HOUR if fine else Grain.DAY,
        comparison=comparison,
        earlier=days * DAY if not fine or (days == 1 and window.start - DAY >= kept) else None,
        earlier_name=_name_before(preset, days),
        # More than a day would need half hours from before the first shown one's retention; minutes are kept too short.
        usual=_usual_days(window.start, kept) if fine and days == 1 else None,
    )


def _usual_days(shown: datetime, kept: datetime) -> Window | None:
    """The days before the one shown whose half hours are all kept, at most seven; None when they are too few."""
    first = max(shown - MOST_USUAL_DAYS * DAY, midnight(kept - _MINUTE) + DAY)
    return Window(first, shown) if shown - first >= FEWEST_USUAL_DAYS * DAY else None


def _comparison(preset: Preset, window: Window, current: Window, days: int) -> Comparison:
    name = _name_before(preset, days)
    baseline = current.shifted(days * DAY)
    if current == window:
        return Comparison(current, baseline, f"vs {name}", f"vs {name}")
    if current.end == midnight(current.end) and days > 1:
        complete = (current.end - current.start) // DAY
        return Comparison(current, baseline, f"vs {name}", f"of {complete} complete days vs those {days} days before")
    return Comparison(current, baseline, f"vs {name}", f"vs {name} to {current.end:%H:%M}")


def _name_before(preset: Preset, days: int) -> str:
    if preset is Preset.TODAY:
        return "yesterday"
    return "the day before" if days == 1 else f"{days} days before"
