"""Makes the messages about one order: placed, and the steps of its delivery."""

from __future__ import annotations

from msgspec import Struct

from ecom_platform.contract import (
    Delivery,
    DeliveryStep,
    DeliveryUpdated,
    EventType,
    Order,
    OrderCancelled,
    OrderItem,
    OrderPlaced,
    PaymentType,
    Status,
)
from ecom_platform.contract.times import from_milliseconds
from ecom_platform.simulator.demand import DemandDraw
from ecom_platform.simulator.dimensions import Dimensions
from ecom_platform.simulator.emission import Emission, message_of
from ecom_platform.simulator.ids import event_id, mix
from ecom_platform.simulator.lifecycle import CANCELLED, STEPS, Life, promise_of

_PAYMENTS = tuple(PaymentType)


class Step(Struct, array_like=True, gc=False):
    """The next step of an order: `life[position]`. `lines` (pair, units) go back to the shelves at the end, if any."""

    order_id: int
    order_ms: int
    courier_id: int
    lines: list[tuple[int, int]]
    life: Life
    position: int


class OrderMaker:
    """Turns what customers get into messages, at the prices of the shop."""

    def __init__(self, dimensions: Dimensions, seed: int) -> None:
        self._prices = [0, *(product["price_cents"] for product in dimensions.products)]
        self.salt = mix(seed)

    def placed(self, order_id: int, draw: DemandDraw, lines: list[tuple[int, int, int]], courier_id: int) -> Emission:
        """Return the message of a new order; `lines` are (pair, units, product id)."""
        prices = self._prices
        items = [
            OrderItem(
                order_item_id=f"{order_id}-{number}",
                order_id=order_id,
                product_id=product,
                quantity=units,
                price_cents=prices[product],
            )
            for number, (_, units, product) in enumerate(lines, 1)
        ]
        subtotal = sum([units * prices[product] for _, units, product in lines])
        discount = subtotal * draw.discount_permille // 1_000
        time = from_milliseconds(draw.time_ms)
        order = Order(
            order_id=order_id,
            user_id=draw.user_id,
            warehouse_id=draw.warehouse_id,
            order_time=time,
            quantity=sum([units for _, units, _ in lines]),
            subtotal_cents=subtotal,
            discount_cents=discount,
            total_cents=subtotal - discount,
            payment_type=_PAYMENTS[draw.payment],
        )
        delivery = Delivery(
            delivery_id=order_id,
            order_id=order_id,
            courier_id=courier_id,
            status=Status.PENDING,
            expected_time=from_milliseconds(promise_of(draw)),
            actual_time=None,
        )
        event = OrderPlaced(
            event_id=event_id(draw.time_ms, order_id * 8, self.salt),
            event_time=time,
            order_id=order_id,
            order=order,
            order_items=items,
            delivery=delivery,
        )
        return message_of(event, EventType.ORDER_PLACED, draw.time_ms)

    def step(self, step: Step, number: int, time_ms: int, arrived_ms: int | None) -> Emission:
        """Return the message of a delivery step or a cancellation."""
        arrived = None if arrived_ms is None else from_milliseconds(arrived_ms)
        delivery = DeliveryStep(delivery_id=step.order_id, status=STEPS[number], actual_time=arrived)
        cancelled = number == CANCELLED
        event = (OrderCancelled if cancelled else DeliveryUpdated)(
            event_id=event_id(time_ms, step.order_id * 8 + number, self.salt),
            event_time=from_milliseconds(time_ms),
            order_id=step.order_id,
            order_time=from_milliseconds(step.order_ms),
            delivery=delivery,
        )
        return message_of(event, EventType.ORDER_CANCELLED if cancelled else EventType.DELIVERY_UPDATED, time_ms)
