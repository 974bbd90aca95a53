"""The life of one incident: from readings in a row to one alert, opened once and closed once. Pure.

::

              bad              bad (second in a row): OPENED
    calm ───────────▶ suspected ───────────▶ open ◀──┐ bad: CONTINUED
      ▲                   │                   │ └────┘ good, first or second in a row: QUIETER
      └───── good ────────┘                   │
      └────────────── CLOSED ─── good, third in a row

A reading without a verdict changes nothing, nor does one that is not newer than the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from ecom_platform.alerts.rules import Reading, Rule

BAD_TO_OPEN: Final = 2
GOOD_TO_CLOSE: Final = 3


class Change(StrEnum):
    """What a reading did to an alert."""

    NONE = "none"
    OPENED = "opened"
    CONTINUED = "continued"
    QUIETER = "quieter"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Watch:
    """A thing under suspicion, or with an open alert.

    `bad` and `good` count readings in a row, `since` is when the first of the bad ones speaks from, `judged_at` the
    instant of the last verdict.
    """

    rule: Rule
    entity: str
    since: datetime
    judged_at: datetime
    bad: int = 1
    good: int = 0
    open: bool = False


def step(watch: Watch | None, reading: Reading) -> tuple[Watch | None, Change]:
    """The watch after a reading, and what happened; None is calm."""
    if reading.bad is None or (watch is not None and reading.at <= watch.judged_at):
        return watch, Change.NONE
    if watch is None:
        begun = Watch(reading.rule, reading.entity, reading.since, reading.at)
        return (begun, Change.NONE) if reading.bad else (None, Change.NONE)
    if reading.bad:
        return _bad(watch, reading)
    return _good(watch, reading)


def _bad(watch: Watch, reading: Reading) -> tuple[Watch, Change]:
    bad = watch.bad + 1
    opens = not watch.open and bad >= BAD_TO_OPEN
    after = replace(watch, bad=bad, good=0, judged_at=reading.at, open=watch.open or opens)
    return after, Change.OPENED if opens else Change.CONTINUED


def _good(watch: Watch, reading: Reading) -> tuple[Watch | None, Change]:
    good = watch.good + 1
    if not watch.open:
        return None, Change.NONE
    if good >= GOOD_TO_CLOSE:
        return None, Change.CLOSED
    return replace(watch, bad=0, good=good, judged_at=reading.at), Change.QUIETER
