"""The answer of `ecom kpi`: plain loops over the stored orders, one figure after the other."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ecom_platform_tests.oracle.orders import (
    STATES,
    Order,
    bin_of,
    delay,
    edge_seconds,
    is_on_time,
    is_valid,
    line_amounts,
    whole_seconds,
)


def naive_kpis(
    orders: Iterable[Order],
    start: datetime,
    end: datetime,
    as_of: datetime,
    *,
    warehouses: Iterable[int] = (),
    couriers: Iterable[int] = (),
    category: str | None = None,
    payments: Iterable[str] = (),
) -> dict[str, Any]:
    """The figures, without `sources` and what only repeats the question."""
    warehouses, couriers, payments = set(warehouses), set(couriers), set(payments)
    here = [order for order in orders if not warehouses or order["warehouse_id"] in warehouses]
    mine = [
        order
        for order in here
        if (not couriers or order["delivery"]["courier_id"] in couriers)
        and (not payments or order["payment_type"] in payments)
    ]
    placed_here = [order for order in here if start <= order["order_time"] < end]
    placed = [order for order in mine if start <= order["order_time"] < end]
    sold = [order for order in placed if category is None or _lines(order, category)]
    valid = [order for order in sold if is_valid(order)]
    revenue = sum(_money(order, category) for order in valid)
    cut = as_of.replace(minute=0 if as_of.minute < 30 else 30, second=0, microsecond=0)
    due = [order for order in mine if is_valid(order) and start <= order["delivery"]["expected_time"] < min(end, cut)]
    return {
        "orders": len(sold),
        "valid_orders": len(valid),
        "booked_cents": sum(_money(order, category) for order in sold),
        "revenue_cents": revenue,
        "discount_cents": sum(_discount(order, category) for order in valid),
        "units": sum(_units(order, category) for order in valid),
        "aov_cents": _half_up(revenue, len(valid)),
        "by_status": {state: sum(order["delivery"]["status"] == state for order in placed) for state in STATES},
        "by_payment_type": _sales(sold, lambda order: order["payment_type"], category),
        "by_category": _categories(valid, category),
        "by_warehouse": _sales(sold, lambda order: str(order["warehouse_id"]), category),
        "by_courier": _couriers(placed, due),
        "by_location": _sales(placed_here, lambda order: order["user_city"], None),
        "top_products": _products([order for order in placed_here if is_valid(order)], category),
        "promise": _promise(due),
        "delivery_delay_seconds": _delay(due),
    }


def _lines(order: Order, category: str | None) -> list[dict[str, Any]]:
    return [line for line in order["order_items"] if category is None or line["category"] == category]


def _money(order: Order, category: str | None) -> int:
    return order["total_cents"] if category is None else sum(line["net_cents"] for line in _lines(order, category))


def _units(order: Order, category: str | None) -> int:
    return order["quantity"] if category is None else sum(line["quantity"] for line in _lines(order, category))


def _discount(order: Order, category: str | None) -> int:
    if category is None:
        return order["discount_cents"]
    return sum(line["quantity"] * line["price_cents"] - line["net_cents"] for line in _lines(order, category))


def _half_up(total: int, count: int) -> int | None:
    return int((Decimal(total) / Decimal(count)).quantize(Decimal(1), ROUND_HALF_UP)) if count else None


def _sales(orders: list[Order], key: Any, category: str | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for order in orders:
        row = found.setdefault(key(order), {"orders": 0, "revenue_cents": 0, "placed": 0})
        row["placed"] += 1
        if is_valid(order):
            row["orders"] += 1
            row["revenue_cents"] += _money(order, category)
    return found


def _categories(valid: list[Order], category: str | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: {"units": 0, "gross_cents": 0, "net_cents": 0, "orders": 0})
    for order in valid:
        for line in _lines(order, category):
            row = found[line["category"]]
            for name, amount in line_amounts([line]).items():
                row[name] += amount
        for name in {line["category"] for line in _lines(order, category)}:
            found[name]["orders"] += 1
    return dict(found)


def _couriers(placed: list[Order], due: list[Order]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: {"orders": 0, "due": 0, "on_time": 0, "late": 0})
    for order in placed:
        found[str(order["delivery"]["courier_id"])]["orders"] += is_valid(order)
    for order in due:
        row = found[str(order["delivery"]["courier_id"])]
        row["due"] += 1
        row["on_time" if is_on_time(order) else "late"] += 1
    return dict(found)


def _products(valid: list[Order], category: str | None) -> list[dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for order in valid:
        for line in _lines(order, category):
            product = line["product_id"]
            row = found.setdefault(product, {"product_id": product, "units": 0, "gross_cents": 0, "net_cents": 0})
            for name, amount in line_amounts([line]).items():
                row[name] += amount
    return sorted(found.values(), key=lambda row: (-row["net_cents"], row["product_id"]))[:10]


def _promise(due: list[Order]) -> dict[str, int]:
    on_time = sum(is_on_time(order) for order in due)
    return {"due": len(due), "on_time": on_time, "late": len(due) - on_time}


def _delay(due: list[Order]) -> dict[str, Any]:
    delays = [late for order in due if (late := delay(order)) is not None]
    edges = sorted(edge_seconds(bin_of(late)) for late in delays)
    count = len(delays)
    return {
        "count": count,
        "mean": round(sum(map(whole_seconds, delays)) / count, 3) if count else None,
        "p50": edges[math.ceil(count * 0.5) - 1] if count else None,
        "p90": edges[math.ceil(count * 0.9) - 1] if count else None,
    }
