"""What each rule means to a reader: its words, its unit, how bad it is, and where the reason can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ecom_platform.alerts.rules import SHOP, Rule


class Severity(StrEnum):
    """What an alert asks for, the gravest first."""

    CRITICAL = "critical"  # the shop or its figures stand still: act now
    WARNING = "warning"  # customers are hurt: act today
    NOTICE = "notice"  # unusual, and perhaps good


@dataclass(frozen=True, slots=True)
class About:
    """One rule in words; `unit` is that of value and usual: orders/min, cents, share, seconds, units or products."""

    title: str
    meaning: str
    unit: str
    severity: Severity
    page: str


@dataclass(frozen=True, slots=True)
class Link:
    """The page that shows why, with its query parameters."""

    page: str
    query: dict[str, str]


ABOUT: Final = {
    Rule.ORDERS_HIGH: About(
        "Unusually many orders",
        "Orders per minute are above what the same half hour of earlier days, weekdays and chance explain.",
        "orders/min",
        Severity.NOTICE,
        "overview",
    ),
    Rule.ORDERS_LOW: About(
        "Unusually few orders",
        "Orders per minute are below what the same half hour of earlier days, weekdays and chance explain.",
        "orders/min",
        Severity.CRITICAL,
        "overview",
    ),
    Rule.ORDER_VALUE_HIGH: About(
        "Orders worth more than usual",
        "The average order, cancelled ones in, is above what the same half hour of earlier days and chance explain.",
        "cents",
        Severity.WARNING,
        "sales",
    ),
    Rule.ORDER_VALUE_LOW: About(
        "Orders worth less than usual",
        "The average order, cancelled ones in, is below what the same half hour of earlier days and chance explain.",
        "cents",
        Severity.WARNING,
        "sales",
    ),
    Rule.LATE_SHARE: About(
        "Late deliveries",
        "Too many of the orders due in the last closed half hour and the current one missed their promise.",
        "share",
        Severity.WARNING,
        "delivery",
    ),
    Rule.STOCK_OUT: About(
        "Sold out",
        "More than half of the warehouses that hold the product have none left to sell.",
        "share",
        Severity.WARNING,
        "inventory",
    ),
    Rule.MANY_SOLD_OUT: About(
        "Many products sold out",
        "More than ten products are sold out in most of their warehouses; no further ones are told one by one.",
        "products",
        Severity.WARNING,
        "inventory",
    ),
    Rule.OVERSOLD: About(
        "Sold more than there is",
        "For a minute or longer more units were promised than the warehouse has.",
        "units",
        Severity.WARNING,
        "inventory",
    ),
    Rule.STALE_DATA: About(
        "Figures are old",
        "Nothing that happened in the last minute or longer is in the figures; nothing else is judged meanwhile.",
        "seconds",
        Severity.CRITICAL,
        "pipeline",
    ),
    Rule.DEAD_LETTERS: About(
        "Messages that cannot be used",
        "Too many of the messages that arrived became dead letters.",
        "share",
        Severity.CRITICAL,
        "pipeline",
    ),
}

# The range of time in which a page shows the reason.
RANGES: Final = {"overview": "1 h", "sales": "1 h", "delivery": "Today", "inventory": "Today", "pipeline": "1 h"}


def link_of(rule: Rule, entity: str) -> Link:
    """Where the reason for an alert can be seen: `courier:5` becomes the filter `courier=5`."""
    page = ABOUT[rule].page
    filters = {} if entity == SHOP else dict(part.split(":", 1) for part in entity.split("/"))
    return Link(page, {"range": RANGES[page], **filters})
