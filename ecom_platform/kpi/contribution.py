"""What one order contributes to every rollup: the single definition behind live figures and recomputation.

The stream writes `contribution(after) − contribution(before)` with every change; the auditor sums contributions over
stored orders. Both call `accumulate`, which folds many orders into one `Rollups`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ecom_platform.contract import Status
from ecom_platform.kpi.buckets import delay_bin
from ecom_platform.kpi.rollups import (
    CATEGORY_FIELDS,
    CITY_FIELDS,
    PAYMENT_FIELDS,
    PRODUCT_FIELDS,
    PROMISE_FIELDS,
    STOCK_FIELDS,
    Rollups,
)

StoredOrder = Mapping[str, Any]
"""An order as MongoDB holds it: head, `order_items`, `delivery` with its `history`."""

# Where each amount stands in its list. A field that the rollups have and that has no name here fails this import.
_ORDERS, _BOOKED, _REVENUE, _RETURNED, _CANCELLED, _SUBTOTAL, _DISCOUNT, _UNITS = range(len(PAYMENT_FIELDS))
(
    _CATEGORY_ORDERS,
    _CATEGORY_VALID_ORDERS,
    _CATEGORY_UNITS,
    _CATEGORY_GROSS,
    _CATEGORY_NET,
    _CATEGORY_BOOKED_NET,
    _CATEGORY_DISCOUNT,
) = range(len(CATEGORY_FIELDS))
_CITY_ORDERS, _CITY_REVENUE = range(len(CITY_FIELDS))
_DUE, _ON_TIME, _DELIVERED, _DELAY = range(len(PROMISE_FIELDS))
_PRODUCT_UNITS, _PRODUCT_GROSS, _PRODUCT_NET = range(len(PRODUCT_FIELDS))
_RECEIVED, _SHIPPED, _BACK, _RESERVED = range(len(STOCK_FIELDS))
_STEP_SLOT = {status.value: slot for slot, status in enumerate(Status)}
_STATUS_SLOT = {status: len(PAYMENT_FIELDS) + slot for status, slot in _STEP_SLOT.items()}
_LEFT_WAREHOUSE = (Status.SHIPPED, Status.DELIVERED, Status.RETURNED)


def contribution(order: StoredOrder) -> Rollups:
    """Return what one order adds to the rollups."""
    rollups = Rollups()
    accumulate(rollups, order, 1)
    return rollups


def accumulate(rollups: Rollups, order: StoredOrder, sign: int) -> None:
    """Add (`sign` 1) or take back (−1) the contribution of one stored order."""
    delivery = order["delivery"]
    placed_seconds = int(order["order_time"].timestamp())
    place = (order["warehouse_id"], delivery["courier_id"])
    valid = sign if delivery["status"] != Status.CANCELLED else 0
    _add_head(rollups, order, sign, valid, placed_seconds, place)
    _add_lines(rollups, order, sign, valid, placed_seconds, place)
    _add_promise(rollups, delivery, order["payment_type"], sign, valid, place)
    _add_steps(rollups, delivery, order["payment_type"], sign, place)
    _add_stock(rollups, order, delivery, sign)


def accumulate_receipt(rollups: Rollups, warehouse_id: int, product_id: int, quantity: int) -> None:
    """Add goods received by a warehouse to its stock."""
    rollups.stock[warehouse_id, product_id][_RECEIVED] += quantity


def _add_head(
    rollups: Rollups, order: StoredOrder, sign: int, valid: int, placed_seconds: int, place: tuple[int, int]
) -> None:
    warehouse, courier = place
    payment, city, total = order["payment_type"], order["user_city"], order["total_cents"]
    status = order["delivery"]["status"]
    minute, half_hour = placed_seconds // 60, placed_seconds // 1800
    booked, revenue = sign * total, valid * total
    for amounts in (
        rollups.minute_payment[minute, warehouse, payment],
        rollups.cube_payment[half_hour, warehouse, courier, payment],
    ):
        amounts[_ORDERS] += sign
        amounts[_BOOKED] += booked
        amounts[_STATUS_SLOT[status]] += sign
        if valid:
            amounts[_REVENUE] += revenue
            amounts[_SUBTOTAL] += valid * order["subtotal_cents"]
            amounts[_DISCOUNT] += valid * order["discount_cents"]
            amounts[_UNITS] += valid * order["quantity"]
            if status == Status.RETURNED:
                amounts[_RETURNED] += booked
        else:
            amounts[_CANCELLED] += booked
    for amounts in (
        rollups.minute_city[minute, warehouse, city],
        rollups.cube_city[half_hour, warehouse, courier, city],
    ):
        amounts[_CITY_ORDERS] += sign
        amounts[_CITY_REVENUE] += revenue


def _add_lines(
    rollups: Rollups, order: StoredOrder, sign: int, valid: int, placed_seconds: int, place: tuple[int, int]
) -> None:
    warehouse, courier = place
    payment = order["payment_type"]
    half_hour, hour = placed_seconds // 1800, placed_seconds // 3600
    counted: list[str] = []
    for line in order["order_items"]:
        category, quantity, net = line["category"], line["quantity"], line["net_cents"]
        gross = quantity * line["price_cents"]
        amounts = rollups.cube_category[half_hour, warehouse, courier, category, payment]
        if category not in counted:  # an order with three lines of a category is one order with that category
            counted.append(category)
            amounts[_CATEGORY_ORDERS] += sign
            amounts[_CATEGORY_VALID_ORDERS] += valid
        amounts[_CATEGORY_BOOKED_NET] += sign * net
        if valid:
            amounts[_CATEGORY_UNITS] += valid * quantity
            amounts[_CATEGORY_GROSS] += valid * gross
            amounts[_CATEGORY_NET] += valid * net
            amounts[_CATEGORY_DISCOUNT] += valid * (gross - net)
            sold = rollups.product[hour, warehouse, line["product_id"]]
            sold[_PRODUCT_UNITS] += valid * quantity
            sold[_PRODUCT_GROSS] += valid * gross
            sold[_PRODUCT_NET] += valid * net


def _add_promise(
    rollups: Rollups, delivery: Mapping[str, Any], payment: str, sign: int, valid: int, place: tuple[int, int]
) -> None:
    if not valid:
        return
    expected: datetime = delivery["expected_time"]
    actual: datetime | None = delivery["actual_time"]
    key = (int(expected.timestamp()) // 1800, *place, payment)
    amounts = rollups.cube_promise[key]
    amounts[_DUE] += sign
    if actual is None:
        return
    delay_seconds = (actual - expected).total_seconds()
    amounts[_ON_TIME] += sign if delay_seconds <= 0 else 0
    amounts[_DELIVERED] += sign
    amounts[_DELAY] += sign * round(delay_seconds)
    rollups.cube_delay[*key, delay_bin(delay_seconds)][0] += sign


def _add_steps(rollups: Rollups, delivery: Mapping[str, Any], payment: str, sign: int, place: tuple[int, int]) -> None:
    for step in delivery["history"]:
        half_hour = int(step["at"].timestamp()) // 1800
        rollups.cube_step[half_hour, *place, payment][_STEP_SLOT[step["status"]]] += sign


def _add_stock(rollups: Rollups, order: StoredOrder, delivery: Mapping[str, Any], sign: int) -> None:
    """Reserved while Pending; gone once shipped; back when returned, or cancelled on the way."""
    shipped, returned, reserved = _stock_state(delivery)
    if not (shipped or reserved):
        return
    for line in order["order_items"]:
        units = sign * line["quantity"]
        amounts = rollups.stock[order["warehouse_id"], line["product_id"]]
        if reserved:
            amounts[_RESERVED] += units
        else:
            amounts[_SHIPPED] += units
            if returned:
                amounts[_BACK] += units


def _stock_state(delivery: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    status = delivery["status"]
    if status == Status.PENDING:
        return False, False, True
    if status == Status.CANCELLED:
        left = any(step["status"] in _LEFT_WAREHOUSE for step in delivery["history"])
        return left, left, False
    return True, status == Status.RETURNED, False
