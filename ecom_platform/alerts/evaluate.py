"""One evaluation: what is remembered and the facts in, what to remember and what happened to alerts out. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ecom_platform.alerts.facts import Facts
from ecom_platform.alerts.incident import Change, Watch, step
from ecom_platform.alerts.rules import LIMITS, Limits, Reading, Rule, Watched, is_current, judge, shelf

FORGOTTEN_AFTER: Final = timedelta(hours=6)
"""An alert that could not be judged for so long is closed: a courier who left gives no good readings either."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one evaluation leaves for the next; an evaluator that starts afresh begins with an empty one.

    Attributes:
        judged_until: end of the last bucket that was judged.
        watches: things under suspicion and open alerts.
        negative_since: oversold shelves, by entity, since when they were seen below zero.
        judged_at: when every rule was judged last, not only the age of the figures; None: not since a history was
            loaded.
    """

    judged_until: datetime | None = None
    watches: tuple[Watch, ...] = ()
    negative_since: Mapping[str, datetime] = field(default_factory=dict)
    judged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """A change of one alert, which is known by rule, entity and `since`."""

    change: Change
    watch: Watch
    reading: Reading | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: `verdicts` holds the readings that were judged."""

    memory: Memory
    happenings: tuple[Happening, ...]
    verdicts: tuple[Reading, ...]


def evaluate(memory: Memory, facts: Facts, limits: Limits = LIMITS) -> Evaluation:
    """Judge the facts and move every incident on."""
    now_negative = (shelf(*pair) for pair in facts.oversold)
    negative_since = {entity: memory.negative_since.get(entity, facts.now) for entity in now_negative}
    watches = {(watch.rule, watch.entity): watch for watch in memory.watches}
    readings = judge(facts, _watched(memory, negative_since), limits)
    happenings: list[Happening] = []
    for reading in readings:
        key = (reading.rule, reading.entity)
        before = watches.pop(key, None)
        after, change = step(before, reading)
        if after is not None:
            watches[key] = after
        if (told := after or before) is not None and change is not Change.NONE:
            happenings.append(Happening(change, told, reading))
    judged_until, judged_at = memory.judged_until, None if facts.loading else memory.judged_at
    if is_current(facts, limits):
        for key in _forgotten(watches, facts.now):
            watch = watches.pop(key)
            if watch.open:
                happenings.append(Happening(Change.CLOSED, watch, None))
        judged_until = facts.buckets[-1].end if facts.buckets else judged_until
        judged_at = facts.now
    judged = tuple(reading for reading in readings if reading.bad is not None)
    remembered = Memory(judged_until, tuple(watches.values()), negative_since, judged_at)
    return Evaluation(remembered, tuple(happenings), judged)


def _watched(memory: Memory, negative_since: Mapping[str, datetime]) -> Watched:
    entities: defaultdict[Rule, set[str]] = defaultdict(set)
    for watch in memory.watches:
        entities[watch.rule].add(watch.entity)
    return Watched(entities, negative_since)


def _forgotten(watches: Mapping[tuple[Rule, str], Watch], now: datetime) -> list[tuple[Rule, str]]:
    return [key for key, watch in watches.items() if now - watch.judged_at >= FORGOTTEN_AFTER]
