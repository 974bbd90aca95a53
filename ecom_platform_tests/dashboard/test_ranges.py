"""What the ranges mean, at instants where they are easily wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.queries.buckets import id_range, pieces
from dashboard.ranges import Preset, Window, resolve
from ecom_platform.kpi import Grain
from ecom_platform_tests.dashboard.shop import DAY, NOW


def at(day, hour=0, minute=0):
    """A time in November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_today_is_the_utc_day_compared_up_to_the_last_closed_half_hour():
    """At 14:47, 00:00 to 14:30 of both days."""
    span = resolve(Preset.TODAY, NOW)

    assert span.window == Window(at(23), at(24))
    assert span.comparison.current == Window(at(23), at(23, 14, 30))
    assert span.comparison.baseline == Window(at(22), at(22, 14, 30))
    assert span.comparison.text == "vs yesterday to 14:30"
    assert span.promises == Window(at(23), at(23, 14, 30))


def test_in_the_first_half_hour_of_a_day_there_is_nothing_to_compare():
    """The compared window is empty, and no document is read for it."""
    span = resolve(Preset.TODAY, at(23, 0, 12))

    assert span.comparison.current == Window(at(23), at(23))
    assert pieces(span.comparison.current, Grain.HALF_HOUR) == []


def test_the_last_hour_ends_with_the_running_minute():
    """Sixty minutes on screen, sixty complete ones compared, promises of two closed half hours."""
    span = resolve(Preset.HOUR, NOW)

    assert span.window == Window(at(23, 13, 48), at(23, 14, 48))
    assert span.comparison.current == Window(at(23, 13, 47), at(23, 14, 47))
    assert span.promises == Window(at(23, 13, 30), at(23, 14, 30))


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("now", [NOW, at(23), at(23, 0, 29), at(23, 23, 59)])
def test_both_sides_of_a_comparison_are_equally_long_and_apart(preset, now):
    """No instant is on both sides, and neither side reaches into the future."""
    current, baseline = resolve(preset, now).comparison.current, resolve(preset, now).comparison.baseline

    assert current.end - current.start == baseline.end - baseline.start
    assert baseline.end <= current.start or preset is Preset.HOUR
    assert current.end <= now


def test_no_range_reads_half_hours_past_their_retention():
    """Half hours are kept for eight days, minutes for three: older parts of a window must be whole days."""
    for preset in Preset:
        span = resolve(preset, NOW)
        for window in (span.window, span.comparison.current, span.comparison.baseline, span.promises):
            fine = [part for grain, part in pieces(window, Grain.HALF_HOUR) if grain is Grain.HALF_HOUR]
            assert all(part.start >= NOW - 8 * DAY for part in fine)
        if span.grain is Grain.HALF_HOUR:
            assert span.window.start >= NOW - 8 * DAY


def test_a_window_is_read_from_whole_days_and_what_sticks_out():
    """The pieces cover the window without gap or overlap, days wherever a whole one fits."""
    window = Window(at(20, 22, 30), at(23, 1, 30))

    assert pieces(window, Grain.HALF_HOUR) == [
        (Grain.HALF_HOUR, Window(at(20, 22, 30), at(21))),
        (Grain.DAY, Window(at(21), at(23))),
        (Grain.HALF_HOUR, Window(at(23), at(23, 1, 30))),
    ]
    assert pieces(Window(at(23, 1), at(23, 2)), Grain.HALF_HOUR) == [(Grain.HALF_HOUR, Window(at(23, 1), at(23, 2)))]


def test_the_id_range_holds_exactly_the_buckets_of_the_window():
    """Names of buckets sort like their times, and what follows the name in an `_id` does not leak over the end."""
    found = id_range(Grain.HALF_HOUR, Window(at(23, 9), at(23, 10)), "P/30m/")

    inside = ["P/30m/2026-11-23T09:00/1/1/0", "P/30m/2026-11-23T09:30/6/24/-1"]
    outside = ["P/30m/2026-11-23T08:30/9/99/1", "P/30m/2026-11-23T10:00/1/1/0", "P/day/2026-11-23/1/1/0"]
    assert all(found["$gte"] <= name < found["$lt"] for name in inside)
    assert not any(found["$gte"] <= name < found["$lt"] for name in outside)
