"""What the figures mean, once for all tests: plain statements about one stored order.

Shares nothing with the package but the names of stored fields: no buckets by division, no folding, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

Order = Mapping[str, Any]

STATES = ("Pending", "Shipped", "Delivered", "Returned", "Cancelled")


def is_valid(order: Order) -> bool:
    """It counts in money and units: it was not cancelled; one that came back does."""
    return bool(order["delivery"]["status"] != "Cancelled")


def head_amounts(order: Order) -> dict[str, int]:
    """What the head of an order adds to the sums of where and how it was placed."""
    status, total = order["delivery"]["status"], order["total_cents"]
    amounts = {"orders": 1, "booked_cents": total}
    if status == "Cancelled":
        return {**amounts, "cancelled_cents": total}
    amounts |= {"valid_orders": 1, "revenue_cents": total, "units": order["quantity"]}
    amounts |= {name: order[name] for name in ("subtotal_cents", "discount_cents")}
    return {**amounts, "returned_cents": total} if status == "Returned" else amounts


def city_amounts(order: Order) -> dict[str, int]:
    """What it adds to those of its customer's city."""
    return {"orders": 1, "revenue_cents": order["total_cents"] if is_valid(order) else 0}


def categories(order: Order) -> dict[str, list[Mapping[str, Any]]]:
    """Its lines by category."""
    names = [line["category"] for line in order["order_items"]]
    return {name: [line for line in order["order_items"] if line["category"] == name] for name in dict.fromkeys(names)}


def line_amounts(lines: list[Mapping[str, Any]]) -> dict[str, int]:
    """Units and net item sales of lines of one order, before and after its discount."""
    return {
        "units": sum(line["quantity"] for line in lines),
        "gross_cents": sum(line["quantity"] * line["price_cents"] for line in lines),
        "net_cents": sum(line["net_cents"] for line in lines),
    }


def delay(order: Order) -> timedelta | None:
    """Delivery minus promise; None until it was delivered."""
    actual = order["delivery"]["actual_time"]
    return None if actual is None else actual - order["delivery"]["expected_time"]


def is_on_time(order: Order) -> bool:
    """Delivered at the promised instant, or before."""
    late = delay(order)
    return late is not None and late <= timedelta(0)


def whole_seconds(late: timedelta) -> int:
    """To the second; half a second goes to the even one."""
    return round(Decimal(late // timedelta(milliseconds=1)) / 1000)


def bin_of(late: timedelta) -> int:
    """5-minute bins from 48 hours early to 72 hours late; the outer ones take what lies beyond."""
    return max(0, min((late + timedelta(hours=48)) // timedelta(minutes=5), 1439))


def edge_seconds(number: int) -> int:
    """The lower edge of a bin."""
    return number * 300 - 172_800
