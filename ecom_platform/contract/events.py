"""What an event is: the types on the wire, one class per `event_type`.

Money is integer cents, times are aware UTC datetimes with millisecond precision. Types and required fields are checked
when bytes are decoded; everything else (`contract.rules`) is a business rule with its own reason code.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

SCHEMA_VERSION = 1

UtcTime = Annotated[datetime, Meta(tz=True)]


class EventType(StrEnum):
    """The four kinds of events."""

    ORDER_PLACED = "order_placed"
    DELIVERY_UPDATED = "delivery_updated"
    ORDER_CANCELLED = "order_cancelled"
    STOCK_RECEIVED = "stock_received"


class PaymentType(StrEnum):
    """How an order was paid."""

    CASH = "Cash"
    CREDIT_CARD = "Credit Card"
    DEBIT_CARD = "Debit Card"
    WALLET = "Wallet"


class Status(StrEnum):
    """Where the delivery of an order stands."""

    PENDING = "Pending"
    SHIPPED = "Shipped"
    DELIVERED = "Delivered"
    RETURNED = "Returned"
    CANCELLED = "Cancelled"


OPEN_STATUSES: Final = (Status.PENDING, Status.SHIPPED)
"""The delivery is still to come; it can be cancelled."""

CLOSED_STATUSES: Final = (Status.DELIVERED, Status.RETURNED, Status.CANCELLED)
"""The order is over, but for a return."""

ARRIVED_STATUSES: Final = (Status.DELIVERED, Status.RETURNED)
"""The goods have been with the customer: `actual_time` is known."""


class _Part(Struct, forbid_unknown_fields=True, gc=False):
    """Part of an event. Unknown fields are refused here and kept aside by `contract.decode`."""


class Order(_Part, kw_only=True):
    """Head of an order: `total_cents` = `subtotal_cents` − `discount_cents`; `quantity` counts units, not lines."""

    order_id: int
    user_id: int
    warehouse_id: int
    order_time: UtcTime
    quantity: int
    subtotal_cents: int
    discount_cents: int
    total_cents: int
    payment_type: PaymentType


class OrderItem(_Part, kw_only=True):
    """One line of an order; `price_cents` is the price of one unit."""

    order_item_id: str
    order_id: int
    product_id: int
    quantity: int
    price_cents: int


class Delivery(_Part, kw_only=True):
    """Delivery of a newly placed order: the promise (`expected_time`); `actual_time` is null until it arrived."""

    delivery_id: int
    order_id: int
    courier_id: int
    status: Status
    expected_time: UtcTime
    actual_time: UtcTime | None


class DeliveryStep(_Part, kw_only=True):
    """The step that a later event reports; `actual_time` is the arrival, for Delivered and Returned."""

    delivery_id: int
    status: Status
    actual_time: UtcTime | None


class _Envelope(_Part, kw_only=True, tag_field="event_type"):
    """What every event carries."""

    event_id: str
    event_time: UtcTime
    schema_version: int = SCHEMA_VERSION


class OrderPlaced(_Envelope, kw_only=True, tag=EventType.ORDER_PLACED.value):
    """A new order with its items and its delivery; key `order_id`."""

    order_id: int
    order: Order
    order_items: list[OrderItem]
    delivery: Delivery


class DeliveryUpdated(_Envelope, kw_only=True, tag=EventType.DELIVERY_UPDATED.value):
    """A step of a delivery: Shipped, Delivered or Returned; key `order_id`."""

    order_id: int
    order_time: UtcTime
    delivery: DeliveryStep


class OrderCancelled(_Envelope, kw_only=True, tag=EventType.ORDER_CANCELLED.value):
    """The cancellation of an order that is Pending or Shipped; key `order_id`."""

    order_id: int
    order_time: UtcTime
    delivery: DeliveryStep


class StockReceived(_Envelope, kw_only=True, tag=EventType.STOCK_RECEIVED.value):
    """Goods that reached a warehouse; key `warehouse_id-product_id`."""

    warehouse_id: int
    product_id: int
    quantity: int


Event = OrderPlaced | DeliveryUpdated | OrderCancelled | StockReceived
