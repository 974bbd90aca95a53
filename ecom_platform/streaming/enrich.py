"""From an event to the order as MongoDB holds it: joined with the dimensions, discount allocated to its lines."""

from __future__ import annotations

from ecom_platform.contract import (
    ARRIVED_STATUSES,
    DeliveryUpdated,
    OrderCancelled,
    OrderPlaced,
    Status,
    allocate_discount,
)
from ecom_platform.contract.times import in_milliseconds
from ecom_platform.kpi import UNKNOWN
from ecom_platform.store import DimensionTables
from ecom_platform.store.client import Document


def stored_order(event: OrderPlaced, extra: str | None, tables: DimensionTables, source: Document) -> Document:
    """Return the document of a newly placed order.

    Attributes of a member that the dimensions do not know become `unknown`; the order is kept and counted.

    Args:
        extra: unknown fields of the event as JSON text: they can break neither BSON nor Parquet.
        source: partition and offset of the event.
    """
    order, delivery = event.order, event.delivery
    placed_at = in_milliseconds(order.order_time)
    document = {
        "_id": event.order_id,
        "user_id": order.user_id,
        "warehouse_id": order.warehouse_id,
        "order_time": placed_at,
        "order_date": f"{placed_at:%Y-%m-%d}",
        "quantity": order.quantity,
        "subtotal_cents": order.subtotal_cents,
        "discount_cents": order.discount_cents,
        "total_cents": order.total_cents,
        "payment_type": order.payment_type.value,
        "user_city": tables.user_city.get(order.user_id, UNKNOWN),
        "warehouse_name": tables.warehouse_name.get(order.warehouse_id, UNKNOWN),
        "order_items": _stored_lines(event, tables),
        "delivery": {
            "delivery_id": delivery.delivery_id,
            "courier_id": delivery.courier_id,
            "courier_name": tables.courier_name.get(delivery.courier_id, UNKNOWN),
            "status": Status.PENDING.value,
            "expected_time": in_milliseconds(delivery.expected_time),
            "actual_time": None,
            "history": [{"status": Status.PENDING.value, "at": placed_at}],
        },
        "src": source,
        "version": 1,
    }
    if extra is not None:
        document["extra"] = extra
    return document


def apply_step(order: Document, event: DeliveryUpdated | OrderCancelled, extra: str | None) -> Document:
    """Return a copy of a stored order after one legal step of its delivery.

    The time of a Delivered step is the arrival itself, of every other step the event's time. A Returned order keeps
    the arrival that was reported first.
    """
    status, arrived = event.delivery.status, event.delivery.actual_time
    delivery = order["delivery"]
    actual = delivery["actual_time"]
    if status in ARRIVED_STATUSES and actual is None and arrived is not None:
        actual = in_milliseconds(arrived)
    at = actual if status == Status.DELIVERED else in_milliseconds(event.event_time)
    step: Document = {"status": status.value, "at": at}
    if extra is not None:
        step["extra"] = extra
    after = {**delivery, "status": status.value, "actual_time": actual, "history": [*delivery["history"], step]}
    return {**order, "delivery": after, "version": order["version"] + 1}


def _stored_lines(event: OrderPlaced, tables: DimensionTables) -> list[Document]:
    items = event.order_items
    gross_cents = [item.quantity * item.price_cents for item in items]
    discounts = allocate_discount(gross_cents, event.order.discount_cents)
    categories = tables.product_category
    return [
        {
            "order_item_id": item.order_item_id,
            "product_id": item.product_id,
            "quantity": item.quantity,
            "price_cents": item.price_cents,
            "net_cents": gross - discount,
            "category": categories.get(item.product_id, UNKNOWN),
        }
        for item, gross, discount in zip(items, gross_cents, discounts, strict=True)
    ]
