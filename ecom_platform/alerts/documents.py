"""Alerts and the evaluator's memory as MongoDB holds them.

::

    alerts: {_id: "rule|entity|since", rule, entity, since, opened_at, closed_at, open, severity, unit, value, usual,
             updated_at, link: {page, query}}
            {_id: "evaluator", version, evaluated_at, judged_at, judged_until, watches: […], negative_since: {…}}
    alert_acknowledgements: {_id: as the alert, by, at, note}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo import UpdateOne

from ecom_platform.alerts.catalogue import ABOUT, Link, Severity, link_of
from ecom_platform.alerts.evaluate import Happening, Memory
from ecom_platform.alerts.incident import Change, Watch
from ecom_platform.alerts.rules import Rule
from ecom_platform.store.client import Document

EVALUATOR: Final = "evaluator"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has seen an alert, and what they say to it."""

    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident as a manager sees it.

    `since` is when it began, `opened_at` when it was found; `value` and `usual` are those of the last bad reading, in
    `unit`; `closed_at` is None while it is open.
    """

    id: str
    rule: Rule
    entity: str
    severity: Severity
    title: str
    meaning: str
    unit: str
    value: float
    usual: float | None
    since: datetime
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    link: Link
    acknowledgement: Acknowledgement | None = None


def alert_id(rule: Rule, entity: str, since: datetime) -> str:
    """The identity of an incident: the same one is never written twice."""
    return f"{rule}|{entity}|{since:%Y-%m-%dT%H:%M:%S}.{since.microsecond // 1000:03}Z"


def updates(happenings: tuple[Happening, ...], now: datetime) -> list[UpdateOne]:
    """What to write about the alerts that changed; repeating it changes nothing."""
    told = [one for one in happenings if one.watch.open or one.change is Change.CLOSED]  # not of mere suspicions
    return [_update(one, now) for one in told if one.change is not Change.QUIETER]


def alert_of(row: Document, acknowledgement: Document | None) -> Alert:
    """An alert from its document, and the acknowledgement of it, if there is one."""
    rule = Rule(row["rule"])
    about = ABOUT[rule]
    seen = acknowledgement and Acknowledgement(acknowledgement["by"], acknowledgement["at"], acknowledgement["note"])
    return Alert(
        id=row["_id"],
        rule=rule,
        entity=row["entity"],
        severity=Severity(row["severity"]),
        title=about.title,
        meaning=about.meaning,
        unit=row["unit"],
        value=row["value"],
        usual=row["usual"],
        since=row["since"],
        opened_at=row["opened_at"],
        updated_at=row["updated_at"],
        closed_at=row["closed_at"],
        link=Link(row["link"]["page"], row["link"]["query"]),
        acknowledgement=seen or None,
    )


def watch_of(row: Document) -> Watch:
    """The watch behind an open alert, for an evaluator whose memory was lost."""
    return Watch(Rule(row["rule"]), row["entity"], row["since"], row["updated_at"], open=True)


def memory_of(row: Document) -> Memory:
    """The memory from its document; an older evaluator has left no `judged_at`."""
    fields = {name: row[name] for name in ("judged_until", "watches", "negative_since")}
    fields["judged_at"] = row.get("judged_at")
    return msgspec.convert(fields, Memory, strict=False)


def memory_to_document(memory: Memory) -> dict[str, Any]:
    """The fields of a memory's document; times stay times."""
    fields: dict[str, Any] = msgspec.to_builtins(memory, builtin_types=(datetime,))
    return fields


def _update(happening: Happening, now: datetime) -> UpdateOne:
    watch, reading = happening.watch, happening.reading
    identity = {"_id": alert_id(watch.rule, watch.entity, watch.since)}
    if happening.change is Change.CLOSED or reading is None:
        return UpdateOne(identity, {"$set": {"open": False, "closed_at": now, "updated_at": now}})
    about = ABOUT[watch.rule]
    begun = {
        "rule": watch.rule.value,
        "entity": watch.entity,
        "since": watch.since,
        "opened_at": now,
        "severity": about.severity.value,
        "unit": about.unit,
        "link": asdict(link_of(watch.rule, watch.entity)),
    }
    seen = {"open": True, "closed_at": None, "value": reading.value, "usual": reading.usual, "updated_at": now}
    return UpdateOne(identity, {"$set": seen, "$setOnInsert": begun}, upsert=True)
