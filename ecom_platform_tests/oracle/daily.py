"""`kpi_daily`: order by order with calendar arithmetic and sorted lists."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from ecom_platform_tests.oracle.orders import (
    Order,
    bin_of,
    categories,
    city_amounts,
    delay,
    edge_seconds,
    head_amounts,
    is_on_time,
    is_valid,
    line_amounts,
    whole_seconds,
)

Daily = dict[tuple[str, str], dict[str, float]]
"""(subject, member) to its amounts that are not zero."""


def naive_daily(orders: Iterable[Order], day: str) -> Daily:
    """What it must hold, for a day that is over."""
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    delays: list[timedelta] = []
    for order in orders:
        if str(order["order_time"].date()) == day:
            _placed(found, order)
        if str(order["delivery"]["expected_time"].date()) == day and is_valid(order):
            delays += _promised(found, order)
        for step in order["delivery"]["history"]:
            if str(step["at"].date()) == day:
                _everywhere(found, order, {f"steps_{step['status']}": 1})
    daily: Daily = {key: {name: n for name, n in amounts.items() if n} for key, amounts in found.items()}
    daily["day", ""] |= {name: value for name, value in _delays(delays).items() if value}
    return {key: amounts for key, amounts in daily.items() if amounts}


def _everywhere(found: Any, order: Order, amounts: dict[str, int]) -> None:
    for key in (
        ("day", ""),
        ("payment", order["payment_type"]),
        ("warehouse", str(order["warehouse_id"])),
        ("courier", str(order["delivery"]["courier_id"])),
    ):
        found[key].update(amounts)


def _placed(found: Any, order: Order) -> None:
    _everywhere(found, order, {**head_amounts(order), order["delivery"]["status"]: 1})
    found["city", order["user_city"]].update(city_amounts(order))
    for category, lines in categories(order).items():
        found["category", category].update({"orders": 1, "valid_orders": int(is_valid(order))})
        if is_valid(order):
            found["category", category].update(line_amounts(lines))
    for line in order["order_items"] if is_valid(order) else ():
        found["product", str(line["product_id"])].update(line_amounts([line]))


def _promised(found: Any, order: Order) -> list[timedelta]:
    """Count a promise; its delay, when it was delivered."""
    late = delay(order)
    if late is None:
        _everywhere(found, order, {"due": 1, "late": 1})
        return []
    kept = "on_time" if is_on_time(order) else "late"
    _everywhere(found, order, {"due": 1, "delivered": 1, "delay_seconds": whole_seconds(late), kept: 1})
    found["delay", str(bin_of(late))].update({"delivered": 1})
    return [late]


def _delays(delays: list[timedelta]) -> dict[str, float]:
    """Mean, and the lower edge of the bin of the delay at each rank."""
    if not delays:
        return {}
    ordered = sorted(delays)
    ranked = {percent: ordered[math.ceil(percent / 100 * len(ordered)) - 1] for percent in (50, 90)}
    return {
        "delay_mean_seconds": round(sum(map(whole_seconds, delays)) / len(delays), 3),
        **{f"delay_p{percent}_seconds": edge_seconds(bin_of(late)) for percent, late in ranked.items()},
    }
