"""Business rules of the contract: what an event of the right types must still satisfy."""

from __future__ import annotations

from datetime import datetime, timedelta

from ecom_platform.contract.events import (
    ARRIVED_STATUSES,
    Delivery,
    DeliveryUpdated,
    Event,
    Order,
    OrderCancelled,
    OrderItem,
    OrderPlaced,
    Status,
    StockReceived,
)
from ecom_platform.contract.reasons import Reason

Violation = tuple[Reason, str]

MAX_ID = 2**53 - 1  # the largest integer that every JSON reader holds exactly
MAX_QUANTITY = 1_000_000
MAX_CENTS = 10**12
MAX_LINES = 500
MAX_TEXT = 200
FUTURE = timedelta(days=1)
PROMISE = timedelta(days=366)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much the clock that dates a step may be behind the one that dates its order."""


def check(event: Event, kafka_time: datetime, history_start: datetime) -> Violation | None:
    """Return the first rule that `event` breaks, with a sentence about it, or None.

    Args:
        kafka_time: timestamp of the Kafka record; order and arrival times may be at most a day ahead of it.
        history_start: first instant an order may be placed at.
    """
    if not 0 < len(event.event_id) <= MAX_TEXT:
        return Reason.ABSURD_NUMBER, f"event_id has {len(event.event_id)} characters, 1 to {MAX_TEXT} are allowed"
    if isinstance(event, OrderPlaced):
        return _check_placed(event, kafka_time, history_start)
    if isinstance(event, StockReceived):
        return _check_receipt(event, kafka_time, history_start)
    return _check_step(event, kafka_time, history_start)


def _check_placed(event: OrderPlaced, kafka_time: datetime, history_start: datetime) -> Violation | None:
    order, items, delivery = event.order, event.order_items, event.delivery
    return (
        _check_order_numbers(order)
        or _check_items(items, event.order_id)
        or _check_id("delivery_id", delivery.delivery_id)
        or _check_id("courier_id", delivery.courier_id)
        or _check_same_order(event)
        or _check_totals(order, items)
        or _check_new_delivery(delivery)
        or _check_placed_at(order.order_time, kafka_time, history_start)
        or _check_promise(order, delivery)
    )


def _check_step(
    event: DeliveryUpdated | OrderCancelled, kafka_time: datetime, history_start: datetime
) -> Violation | None:
    violation = _check_id("order_id", event.order_id) or _check_id("delivery_id", event.delivery.delivery_id)
    if violation:
        return violation
    status, arrived = event.delivery.status, event.delivery.actual_time
    if (status == Status.CANCELLED) != isinstance(event, OrderCancelled):
        return Reason.STATUS_MISMATCH, f"status {status} in a {type(event).__name__}"
    if status in ARRIVED_STATUSES and arrived is None:
        return Reason.MISSING_ACTUAL_TIME, f"status {status} without actual_time"
    if status not in ARRIVED_STATUSES and arrived is not None:
        return Reason.UNEXPECTED_ACTUAL_TIME, f"status {status} with actual_time {arrived.isoformat()}"
    if arrived is not None and not history_start <= arrived <= kafka_time + FUTURE:
        return Reason.OUT_OF_RANGE, f"actual_time {arrived.isoformat()} is outside the shop's history"
    return (
        _check_event_time(event.event_time, kafka_time, history_start)
        or _check_placed_at(event.order_time, kafka_time, history_start)
        or _check_after_order("event_time", event.event_time, event.order_time)
        or (arrived and _check_after_order("actual_time", arrived, event.order_time))
        or None
    )


def _check_receipt(event: StockReceived, kafka_time: datetime, history_start: datetime) -> Violation | None:
    return (
        _check_id("warehouse_id", event.warehouse_id)
        or _check_id("product_id", event.product_id)
        or _check_quantity("quantity", event.quantity)
        or _check_event_time(event.event_time, kafka_time, history_start)
    )


def _check_order_numbers(order: Order) -> Violation | None:
    violation = (
        _check_id("order_id", order.order_id)
        or _check_id("user_id", order.user_id)
        or _check_id("warehouse_id", order.warehouse_id)
        or _check_quantity("quantity", order.quantity)
    )
    return violation or (
        _check_cents("subtotal_cents", order.subtotal_cents)
        or _check_cents("discount_cents", order.discount_cents)
        or _check_cents("total_cents", order.total_cents)
    )


def _check_items(items: list[OrderItem], order_id: int) -> Violation | None:
    if not items:
        return Reason.NO_ITEMS, f"order {order_id} has no items"
    if len(items) > MAX_LINES:
        return Reason.ABSURD_NUMBER, f"order {order_id} has {len(items)} lines, at most {MAX_LINES} are allowed"
    for item in items:
        if not 0 < len(item.order_item_id) <= MAX_TEXT:
            return Reason.ABSURD_NUMBER, f"order_item_id has {len(item.order_item_id)} characters"
        violation = (
            _check_id("product_id", item.product_id)
            or _check_quantity("quantity", item.quantity)
            or _check_cents("price_cents", item.price_cents)
        )
        if violation:
            return violation
    return None


def _check_same_order(event: OrderPlaced) -> Violation | None:
    order_id, items = event.order_id, event.order_items
    named = (event.order.order_id, event.delivery.order_id, *[item.order_id for item in items])
    if named.count(order_id) < len(named):
        ids = {order_id, *named}
        return Reason.ID_MISMATCH, f"the event names the orders {sorted(ids)}"
    if len({item.order_item_id for item in items}) < len(items):
        return Reason.ID_MISMATCH, "two items share an order_item_id"
    return None


def _check_totals(order: Order, items: list[OrderItem]) -> Violation | None:
    units = sum(item.quantity for item in items)
    if units != order.quantity:
        return Reason.TOTALS_MISMATCH, f"quantity {order.quantity}, but the items have {units} units"
    subtotal = sum(item.quantity * item.price_cents for item in items)
    if subtotal != order.subtotal_cents:
        return Reason.TOTALS_MISMATCH, f"subtotal_cents {order.subtotal_cents}, but the items cost {subtotal}"
    if order.discount_cents > subtotal:
        return Reason.TOTALS_MISMATCH, f"discount_cents {order.discount_cents} exceeds the subtotal {subtotal}"
    if order.total_cents != subtotal - order.discount_cents:
        return Reason.TOTALS_MISMATCH, f"total_cents {order.total_cents} is not {subtotal} - {order.discount_cents}"
    return None


def _check_new_delivery(delivery: Delivery) -> Violation | None:
    if delivery.status != Status.PENDING:
        return Reason.NOT_PENDING, f"a placed order starts as Pending, not {delivery.status}"
    if delivery.actual_time is not None:
        return Reason.UNEXPECTED_ACTUAL_TIME, "a Pending delivery has an actual_time"
    return None


def _check_placed_at(order_time: datetime, kafka_time: datetime, history_start: datetime) -> Violation | None:
    if not history_start <= order_time <= kafka_time + FUTURE:
        return Reason.OUT_OF_RANGE, (
            f"order_time {order_time.isoformat()} is not between {history_start.date()} (ECOM_HISTORY_START) "
            f"and a day after {kafka_time.isoformat()}"
        )
    return None


def _check_event_time(event_time: datetime, kafka_time: datetime, history_start: datetime) -> Violation | None:
    if not history_start <= event_time <= kafka_time + FUTURE:
        return Reason.OUT_OF_RANGE, f"event_time {event_time.isoformat()} is outside the shop's history"
    return None


def _check_after_order(field: str, time: datetime, order_time: datetime) -> Violation | None:
    if order_time - time > CLOCK_TOLERANCE:
        return Reason.OUT_OF_RANGE, f"{field} {time.isoformat()} is before the order, placed {order_time.isoformat()}"
    return None


def _check_promise(order: Order, delivery: Delivery) -> Violation | None:
    if abs(delivery.expected_time - order.order_time) > PROMISE:
        return Reason.OUT_OF_RANGE, f"expected_time {delivery.expected_time.isoformat()} is over a year away"
    return None


def _check_id(field: str, value: int) -> Violation | None:
    if 0 < value <= MAX_ID:
        return None
    return Reason.ABSURD_NUMBER, f"{field} {value} is not between 1 and {MAX_ID}"


def _check_quantity(field: str, value: int) -> Violation | None:
    if 0 < value <= MAX_QUANTITY:
        return None
    if value < 1:
        return Reason.NEGATIVE_QUANTITY, f"{field} {value} is below 1"
    return Reason.ABSURD_NUMBER, f"{field} {value} is above {MAX_QUANTITY}"


def _check_cents(field: str, value: int) -> Violation | None:
    if 0 <= value <= MAX_CENTS:
        return None
    if value < 0:
        return Reason.NEGATIVE_AMOUNT, f"{field} {value} is below 0"
    return Reason.ABSURD_NUMBER, f"{field} {value} is above {MAX_CENTS}"
