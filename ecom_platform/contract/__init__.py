"""What an event is: types, wire format, rules, the life of an order, and the reasons for which an event is refused."""

from ecom_platform.contract.codec import Decoded, Rejected, decode, decode_with_extra, encode, key_of
from ecom_platform.contract.events import (
    ARRIVED_STATUSES,
    CLOSED_STATUSES,
    OPEN_STATUSES,
    Delivery,
    DeliveryStep,
    DeliveryUpdated,
    Event,
    EventType,
    Order,
    OrderCancelled,
    OrderItem,
    OrderPlaced,
    PaymentType,
    Status,
    StockReceived,
)
from ecom_platform.contract.lifecycle import Step, judge_step
from ecom_platform.contract.limits import MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES
from ecom_platform.contract.money import allocate_discount
from ecom_platform.contract.reasons import Reason

__all__ = [
    "ARRIVED_STATUSES",
    "CLOSED_STATUSES",
    "MAX_BATCH_BYTES",
    "MAX_KEY_BYTES",
    "MAX_VALUE_BYTES",
    "OPEN_STATUSES",
    "Decoded",
    "Delivery",
    "DeliveryStep",
    "DeliveryUpdated",
    "Event",
    "EventType",
    "Order",
    "OrderCancelled",
    "OrderItem",
    "OrderPlaced",
    "PaymentType",
    "Reason",
    "Rejected",
    "Status",
    "Step",
    "StockReceived",
    "allocate_discount",
    "decode",
    "decode_with_extra",
    "encode",
    "judge_step",
    "key_of",
]
