"""The daily KPIs as they are stored, and once more, order by order with calendar arithmetic and sorted lists."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ecom_platform.kpi import Rollups, accumulate
from ecom_platform.store import MongoDatabase
from ecom_platform.store.rollups import add_increments

Daily = dict[tuple[str, str], dict[str, float]]
"""(subject, member) to its amounts that are not zero."""


def add_rollups(db: MongoDatabase, orders: Iterable[Mapping[str, Any]]) -> None:
    """The rollups the stream would have written."""
    rollups = Rollups()
    for order in orders:
        accumulate(rollups, order, 1)
    with db.client.start_session() as session:
        add_increments(db, rollups.increments(0, datetime.now(UTC)), session)


def stored_daily(db: MongoDatabase, day: str) -> Daily:
    """What `kpi_daily` holds for a day."""
    head = ("_id", "day", "subject", "member", "at")
    found = {}
    for row in db.kpi_daily.find({"day": day}):
        amounts = {name: value for name, value in row.items() if name not in head and value}
        found[row["subject"], row["member"]] = amounts
    return {key: amounts for key, amounts in found.items() if amounts}


def naive_daily(orders: Iterable[Mapping[str, Any]], day: str) -> Daily:
    """What it must hold, for a day that is over."""
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    delays: list[timedelta] = []
    for order in orders:
        if str(order["order_time"].date()) == day:
            _placed(found, order)
        delivery = order["delivery"]
        if str(delivery["expected_time"].date()) == day and delivery["status"] != "Cancelled":
            delays += _promised(found, order)
        for step in delivery["history"]:
            if str(step["at"].date()) == day:
                _everywhere(found, order, {f"steps_{step['status']}": 1})
    daily: Daily = {key: {name: n for name, n in amounts.items() if n} for key, amounts in found.items()}
    daily["day", ""] |= {name: value for name, value in _delays(delays).items() if value}
    return {key: amounts for key, amounts in daily.items() if amounts}


def _everywhere(found: Any, order: Mapping[str, Any], amounts: dict[str, int]) -> None:
    for key in (
        ("day", ""),
        ("payment", order["payment_type"]),
        ("warehouse", str(order["warehouse_id"])),
        ("courier", str(order["delivery"]["courier_id"])),
    ):
        found[key].update(amounts)


def _placed(found: Any, order: Mapping[str, Any]) -> None:
    status, total = order["delivery"]["status"], order["total_cents"]
    valid = status != "Cancelled"
    amounts = {"orders": 1, "booked_cents": total, status: 1}
    if valid:
        amounts |= {"valid_orders": 1, "revenue_cents": total, "units": order["quantity"]}
        amounts |= {name: order[name] for name in ("subtotal_cents", "discount_cents")}
    else:
        amounts["cancelled_cents"] = total
    if status == "Returned":
        amounts["returned_cents"] = total
    _everywhere(found, order, amounts)
    found["city", order["user_city"]].update({"orders": 1, "revenue_cents": total if valid else 0})
    for category in {line["category"] for line in order["order_items"]}:
        found["category", category].update({"orders": 1, "valid_orders": int(valid)})
    for line in order["order_items"] if valid else ():
        gross = line["quantity"] * line["price_cents"]
        sold = {"units": line["quantity"], "gross_cents": gross, "net_cents": line["net_cents"]}
        found["category", line["category"]].update(sold)
        found["product", str(line["product_id"])].update(sold)


def _promised(found: Any, order: Mapping[str, Any]) -> list[timedelta]:
    """Count a promise; its delay, when it was delivered."""
    expected, actual = order["delivery"]["expected_time"], order["delivery"]["actual_time"]
    if actual is None:
        _everywhere(found, order, {"due": 1, "late": 1})
        return []
    delay = actual - expected
    amounts = {"due": 1, "delivered": 1, "delay_seconds": round(delay.total_seconds())}
    _everywhere(found, order, amounts | {"late" if actual > expected else "on_time": 1})
    found["delay", str(_bin(delay))].update({"delivered": 1})
    return [delay]


def _bin(delay: timedelta) -> int:
    """5-minute bins from 48 hours early to 72 hours late."""
    return max(0, min((delay + timedelta(hours=48)) // timedelta(minutes=5), 1439))


def _delays(delays: list[timedelta]) -> dict[str, float]:
    """Mean, and the lower edge of the bin of the delay at each rank."""
    if not delays:
        return {}
    ordered = sorted(delays)
    ranked = {percent: ordered[math.ceil(percent / 100 * len(ordered)) - 1] for percent in (50, 90)}
    return {
        "delay_mean_seconds": round(sum(round(delay.total_seconds()) for delay in delays) / len(delays), 3),
        **{f"delay_p{percent}_seconds": _bin(delay) * 300 - 172_800 for percent, delay in ranked.items()},
    }
