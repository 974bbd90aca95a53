"""The rollups once more, written down figure by figure with calendar arithmetic and one counter per document.

Shares nothing with the package: no buckets by division, no folding, no differences.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

Documents = dict[tuple[str, str], dict[str, int]]
"""(collection, _id) to the amounts of the document."""

ESCAPES = {"a.b": "a%2Eb", "St. Gallen": "St%2E Gallen", "$ville": "%24ville"}


def naive_rollups(orders: Iterable[dict[str, Any]], partition: int, now: datetime) -> Documents:
    """The documents of all rollups, without those past their retention and without zeros."""
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for order in orders:
        _minute(found, order, partition, now)
        for grain in ("30m", "day"):
            _cube_by_order_time(found, order, partition, now, grain)
            _cube_by_promise(found, order, partition, now, grain)
            _cube_by_step(found, order, partition, now, grain)
        for grain in ("hour", "day"):
            _products(found, order, partition, now, grain)
        _stock(found, order, partition)
    nonzero = {key: {path: n for path, n in amounts.items() if n} for key, amounts in found.items()}
    return {key: amounts for key, amounts in nonzero.items() if amounts}


def _payment_amounts(order: dict[str, Any]) -> dict[str, int]:
    status, total = order["delivery"]["status"], order["total_cents"]
    amounts = {"orders": 1, "booked_cents": total, f"status.{status}": 1}
    if status == "Cancelled":
        return {**amounts, "cancelled_cents": total}
    amounts |= {
        "revenue_cents": total,
        "subtotal_cents": order["subtotal_cents"],
        "discount_cents": order["discount_cents"],
        "units": order["quantity"],
    }
    return {**amounts, "returned_cents": total} if status == "Returned" else amounts


def _city_amounts(order: dict[str, Any]) -> dict[str, int]:
    return {"orders": 1, "revenue_cents": 0 if order["delivery"]["status"] == "Cancelled" else order["total_cents"]}


def _minute(found: Any, order: dict[str, Any], partition: int, now: datetime) -> None:
    start = order["order_time"].replace(second=0, microsecond=0)
    if start < now - timedelta(days=3):
        return
    amounts = found["kpi_minute", f"{start:%Y-%m-%dT%H:%M}/{order['warehouse_id']}/{partition}"]
    _put(amounts, f"payment.{order['payment_type']}", _payment_amounts(order))
    _put(amounts, f"city.{_safe(order['user_city'])}", _city_amounts(order))


def _cube_by_order_time(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    id_ = _cube_id("P", order["order_time"], order, partition, now, grain)
    if id_ is None:
        return
    amounts = found["kpi_cube", id_]
    payment, valid = order["payment_type"], order["delivery"]["status"] != "Cancelled"
    _put(amounts, f"payment.{payment}", _payment_amounts(order))
    _put(amounts, f"city.{_safe(order['user_city'])}", _city_amounts(order))
    for category in {line["category"] for line in order["order_items"]}:
        lines = [line for line in order["order_items"] if line["category"] == category]
        gross, net = (
            sum(line["quantity"] * line["price_cents"] for line in lines),
            sum(line["net_cents"] for line in lines),
        )
        of_category = {"orders": 1, "booked_net_cents": net}
        if valid:
            of_category |= {
                "valid_orders": 1,
                "units": sum(line["quantity"] for line in lines),
                "gross_cents": gross,
                "net_cents": net,
                "discount_cents": gross - net,
            }
        _put(amounts, f"category.{_safe(category)}.{payment}", of_category)


def _cube_by_promise(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    delivery = order["delivery"]
    expected, actual = delivery["expected_time"], delivery["actual_time"]
    id_ = _cube_id("D", expected, order, partition, now, grain)
    if id_ is None or delivery["status"] == "Cancelled":
        return
    amounts = {"due": 1}
    if actual is not None:
        late_seconds = Decimal((actual - expected) // timedelta(milliseconds=1)) / 1000
        number = math.floor((late_seconds + 48 * 3600) / 300)
        amounts |= {
            "on_time": int(actual <= expected),
            "delivered": 1,
            "delay_seconds": round(late_seconds),
            f"bins.{max(0, min(number, 1439))}": 1,
        }
    _put(found["kpi_cube", id_], f"payment.{order['payment_type']}", amounts)


def _cube_by_step(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    for step in order["delivery"]["history"]:
        id_ = _cube_id("H", step["at"], order, partition, now, grain)
        if id_ is not None:
            _put(found["kpi_cube", id_], f"payment.{order['payment_type']}", {f"steps.{step['status']}": 1})


def _products(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    if order["delivery"]["status"] == "Cancelled":
        return
    start = order["order_time"].replace(minute=0, second=0, microsecond=0)
    if grain == "hour" and start < now - timedelta(days=8):
        return
    bucket = f"{start:%Y-%m-%dT%H}" if grain == "hour" else f"{start:%Y-%m-%d}"
    for line in order["order_items"]:
        product = line["product_id"]
        amounts = found["kpi_product", f"{grain}/{bucket}/{order['warehouse_id']}/{product // 50}/{partition}"]
        gross = line["quantity"] * line["price_cents"]
        _put(
            amounts,
            f"products.{product}",
            {"units": line["quantity"], "gross_cents": gross, "net_cents": line["net_cents"]},
        )


def _stock(found: Any, order: dict[str, Any], partition: int) -> None:
    delivery = order["delivery"]
    was_shipped = {"Shipped", "Delivered", "Returned"} & {step["status"] for step in delivery["history"]}
    came_back = delivery["status"] == "Returned" or (delivery["status"] == "Cancelled" and was_shipped)
    for line in order["order_items"]:
        units, product = line["quantity"], line["product_id"]
        amounts = found["stock", f"{order['warehouse_id']}/{product // 50}/{partition}"]
        _put(
            amounts,
            f"products.{product}",
            {
                "reserved": units if delivery["status"] == "Pending" else 0,
                "shipped": units if was_shipped else 0,
                "returned": units if came_back else 0,
            },
        )


def _cube_id(
    basis: str, when: datetime, order: dict[str, Any], partition: int, now: datetime, grain: str
) -> str | None:
    start = when.replace(minute=when.minute // 30 * 30, second=0, microsecond=0)
    if grain == "30m" and start < now - timedelta(days=8):
        return None
    bucket = f"{start:%Y-%m-%dT%H:%M}" if grain == "30m" else f"{start:%Y-%m-%d}"
    return f"{basis}/{grain}/{bucket}/{order['warehouse_id']}/{order['delivery']['courier_id']}/{partition}"


def _put(amounts: Counter[str], path: str, more: dict[str, int]) -> None:
    for name, amount in more.items():
        amounts[f"{path}.{name}"] += amount


def _safe(name: str) -> str:
    return ESCAPES.get(name, name)
