"""The rollups, written down figure by figure with calendar arithmetic and one counter per document."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ecom_platform_tests.oracle.orders import (
    bin_of,
    categories,
    city_amounts,
    delay,
    head_amounts,
    is_on_time,
    is_valid,
    line_amounts,
    whole_seconds,
)

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
    amounts = {**head_amounts(order), f"status.{order['delivery']['status']}": 1}
    amounts.pop("valid_orders", None)  # the counts by state say it
    return amounts


def _minute(found: Any, order: dict[str, Any], partition: int, now: datetime) -> None:
    start = order["order_time"].replace(second=0, microsecond=0)
    if start < now - timedelta(days=3):
        return
    amounts = found["kpi_minute", f"{start:%Y-%m-%dT%H:%M}/{order['warehouse_id']}/{partition}"]
    _put(amounts, f"payment.{order['payment_type']}", _payment_amounts(order))
    _put(amounts, f"city.{_safe(order['user_city'])}", city_amounts(order))


def _cube_by_order_time(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    id_ = _cube_id("P", order["order_time"], order, partition, now, grain)
    if id_ is None:
        return
    amounts = found["kpi_cube", id_]
    payment = order["payment_type"]
    _put(amounts, f"payment.{payment}", _payment_amounts(order))
    _put(amounts, f"city.{_safe(order['user_city'])}", city_amounts(order))
    for category, lines in categories(order).items():
        sold = line_amounts(lines)
        of_category = {"orders": 1, "booked_net_cents": sold["net_cents"]}
        if is_valid(order):
            of_category |= {**sold, "valid_orders": 1, "discount_cents": sold["gross_cents"] - sold["net_cents"]}
        _put(amounts, f"category.{_safe(category)}.{payment}", of_category)


def _cube_by_promise(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    id_ = _cube_id("D", order["delivery"]["expected_time"], order, partition, now, grain)
    if id_ is None or not is_valid(order):
        return
    amounts, late = {"due": 1}, delay(order)
    if late is not None:
        amounts |= {
            "on_time": int(is_on_time(order)),
            "delivered": 1,
            "delay_seconds": whole_seconds(late),
            f"bins.{bin_of(late)}": 1,
        }
    _put(found["kpi_cube", id_], f"payment.{order['payment_type']}", amounts)


def _cube_by_step(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    for step in order["delivery"]["history"]:
        id_ = _cube_id("H", step["at"], order, partition, now, grain)
        if id_ is not None:
            _put(found["kpi_cube", id_], f"payment.{order['payment_type']}", {f"steps.{step['status']}": 1})


def _products(found: Any, order: dict[str, Any], partition: int, now: datetime, grain: str) -> None:
    if not is_valid(order):
        return
    start = order["order_time"].replace(minute=0, second=0, microsecond=0)
    if grain == "hour" and start < now - timedelta(days=8):
        return
    bucket = f"{start:%Y-%m-%dT%H}" if grain == "hour" else f"{start:%Y-%m-%d}"
    for line in order["order_items"]:
        product = line["product_id"]
        amounts = found["kpi_product", f"{grain}/{bucket}/{order['warehouse_id']}/{product // 50}/{partition}"]
        _put(amounts, f"products.{product}", line_amounts([line]))


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
