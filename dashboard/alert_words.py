"""Alerts in words: how bad, about whom, how much, since when. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from dashboard import formats
from dashboard.queries.alerts import Attention
from dashboard.queries.names import Names
from ecom_platform.alerts import LIMITS, SHOP, Acknowledgement, Alert, Rule, Severity

_LOOKS: Final[Mapping[Severity, tuple[str, str]]] = {
    Severity.CRITICAL: ("error", "red"),
    Severity.WARNING: ("warning", "orange"),
    Severity.NOTICE: ("info", "blue"),
}
# What the figure is of, and what it is held against: the usual figure, the limit of the rule, or nothing.
_FIGURES: Final[Mapping[Rule, tuple[str, str]]] = {
    Rule.ORDERS_HIGH: ("", "usually"),
    Rule.ORDERS_LOW: ("", "usually"),
    Rule.ORDER_VALUE_HIGH: ("per order", "usually"),
    Rule.ORDER_VALUE_LOW: ("per order", "usually"),
    Rule.LATE_SHARE: ("late", "usually"),
    Rule.STOCK_OUT: ("of its warehouses empty", "limit"),
    Rule.MANY_SOLD_OUT: ("products", "limit"),
    Rule.OVERSOLD: ("units short", ""),
    Rule.STALE_DATA: ("old", "limit"),
    Rule.DEAD_LETTERS: ("of the messages", "limit"),
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~:$])")


def icon(alert: Alert) -> str:
    """The icon of its severity, as Streamlit names it."""
    return f":material/{_LOOKS[alert.severity][0]}:"


def severity(alert: Alert) -> str:
    """Icon and word, as Markdown; the colour says nothing that they do not."""
    return f":{_LOOKS[alert.severity][1]}-badge[{icon(alert)} {alert.severity.value}]"


def subject(alert: Alert, names: Names) -> str:
    """What is wrong, and with what: "Late deliveries · courier 5 Ann Smith"."""
    return f"{alert.title} · {entity(alert.entity, names)}"


def entity(named: str, names: Names, *, short: bool = False) -> str:
    """Whom it is about: "courier 5 Ann Smith", "product 12 Jones Lamp in warehouse 3 Lyon Warehouse".

    Args:
        short: of two things the second goes by its number: "product 12 Jones Lamp, warehouse 3".
    """
    if named == SHOP:
        return "whole shop"
    numbers = {kind: int(number) for kind, number in (part.split(":", 1) for part in named.split("/"))}
    known = {"courier": names.couriers, "product": names.products, "warehouse": names.warehouses}
    first, *rest = [kind for kind in known if kind in numbers]
    words = {kind: f"{kind} {number} {known[kind].get(number, '')}".rstrip() for kind, number in numbers.items()}
    if short:
        return ", ".join([words[first], *(f"{kind} {numbers[kind]}" for kind in rest)])
    return " in ".join([words[first], *(words[kind] for kind in rest)])


def figure(alert: Alert, currency: str) -> str:
    """Its value against the usual one or the limit: "$81.20 per order, usually $64.00"."""
    of_what, against = _FIGURES[alert.rule]
    value = f"{_amount(alert.value, alert.unit, currency)} {of_what}".rstrip()
    if alert.usual is None or not against:
        return value
    if alert.rule is Rule.LATE_SHARE and alert.usual in (LIMITS.late_share, LIMITS.late_share_courier):
        against = "limit"  # nothing usual is known yet
    return f"{value}, {against} {_amount(alert.usual, alert.unit, currency)}"


def _amount(value: float, unit: str, currency: str) -> str:
    if unit == "cents":
        return formats.exact_money(round(value), currency)
    if unit == "share":
        return formats.share(value)
    if unit == "seconds":
        return formats.age(round(value))
    return formats.per_minute(value) if unit == "orders/min" else formats.count(round(value))


def since(alert: Alert, now: datetime) -> str:
    """When it began, and how long ago that is: "since 14:32 (42 m)"."""
    return f"since {formats.moment(alert.since, now)} ({formats.duration(_seconds(alert.since, now))})"


def how_long(alert: Alert) -> str:
    """From its beginning to its end; unknown while it is open."""
    return formats.duration(_seconds(alert.since, alert.closed_at) if alert.closed_at else None)


def seen(said: Acknowledgement, now: datetime) -> str:
    """Who acknowledged it, when, and what they say: "Ada at 14:40: on it"."""
    return f"{said.by} at {formats.moment(said.at, now)}{f': {said.note}' if said.note else ''}"


def unwatched(found: Attention) -> str | None:
    """What to know when the rules are not being evaluated, and what to do; None while they are."""
    if found.is_watched or found.is_loading:
        return None
    if found.evaluated_at is None:
        return "The rules have never been evaluated; `ecom status` says whether Dagster runs"
    last = formats.moment(found.evaluated_at, found.now)
    return f"The rules have not been evaluated since {last} UTC; `ecom status` says whether Dagster runs"


def unjudged(found: Attention) -> str | None:
    """What to know while not every rule was judged lately; None when all were."""
    if found.is_judged:
        return None
    if found.judged_at is None:
        return "Not checked yet"
    return f"Not checked since {formats.moment(found.judged_at, found.now)} UTC"


def plain(text: str) -> str:
    """Text that a person wrote, so that Markdown shows it as it is: no link, no picture, no formula."""
    return _MARKDOWN.sub(r"\\\1", text)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
