"""The life of an incident."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from ecom_platform.alerts.incident import Change, Watch, step
from ecom_platform.alerts.rules import SHOP, Reading, Rule

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
STEP = timedelta(minutes=5)
VERDICTS = {"b": True, "g": False, "?": None}


def reading(number: int, verdict: str) -> Reading:
    """The reading of a five-minute bucket."""
    at = START + number * STEP
    return Reading(Rule.ORDERS_LOW, SHOP, at, at - STEP, VERDICTS[verdict], 1.0)


def life(verdicts: str) -> str:
    """One letter per reading: what it did."""
    watch: Watch | None = None
    told = ""
    for number, verdict in enumerate(verdicts):
        watch, change = step(watch, reading(number, verdict))
        told += {"none": ".", "opened": "O", "continued": "c", "quieter": "q", "closed": "X"}[change.value]
    return told


def naive_life(verdicts: str) -> str:
    """The same, by looking back over everything that was judged instead of keeping a state."""
    told, opened = "", False
    judged = ""
    for verdict in verdicts:
        if verdict == "?":
            told += "."
            continue
        judged += verdict
        if not opened and judged.endswith("bb"):
            opened, letter = True, "O"
        elif not opened:
            letter = "."
        elif judged.endswith("ggg"):
            opened, letter, judged = False, "X", ""
        else:
            letter = "c" if verdict == "b" else "q"
        told += letter
    return told


def test_every_sequence_of_verdicts_opens_and_closes_as_looking_back_over_it_says() -> None:
    """All sequences of eight readings, bad, good or without verdict, against a definition that keeps no state."""
    for letters in itertools.product("bg?", repeat=8):
        verdicts = "".join(letters)
        assert life(verdicts) == naive_life(verdicts), verdicts


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ("b", "."),
        ("bb", ".O"),
        ("bgb", "..."),
        ("b?b", "..O"),
        ("bbgg", ".Oqq"),
        ("bbggg", ".OqqX"),
        ("bbggbggg", ".OqqcqqX"),
        ("bbgggbb", ".OqqX.O"),
        ("bb???", ".O..."),
        ("ggg", "..."),
    ],
)
def test_two_bad_readings_open_an_alert_and_three_good_ones_close_it(verdicts: str, told: str) -> None:
    """In a row; a reading without a verdict neither counts nor interrupts, and nothing flaps in between."""
    assert life(verdicts) == told


def test_a_reading_that_was_seen_before_changes_nothing() -> None:
    """An evaluator that looks at the same bucket twice, or at an older one, counts it once."""
    first, _ = step(None, reading(3, "b"))

    assert step(first, reading(3, "b")) == (first, Change.NONE)
    assert step(first, reading(2, "b")) == (first, Change.NONE)
    assert step(first, reading(4, "b"))[1] is Change.OPENED


def test_an_incident_begins_with_the_first_bad_reading_of_its_row() -> None:
    """Not with the one that opened the alert, and not with a bad one before the last good one."""
    watch: Watch | None = None
    for number, verdict in enumerate("bgbb"):
        watch, _ = step(watch, reading(number, verdict))

    assert watch is not None
    assert watch.since == START + 2 * STEP - STEP
