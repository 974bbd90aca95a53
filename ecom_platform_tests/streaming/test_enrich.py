"""From an event to the stored order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from ecom_platform.contract import OrderPlaced, Status
from ecom_platform.contract.times import in_milliseconds
from ecom_platform.streaming.enrich import apply_step, stored_order
from ecom_platform_tests.streaming.events import PLACED_AT, TABLES, placed, stepped

SOURCE = {"partition": 0, "offset": 12}


def stored(event: OrderPlaced, extra: str | None = None) -> dict[str, Any]:
    """The document of an order."""
    return stored_order(event, extra, TABLES, SOURCE)


def test_an_order_is_stored_whole() -> None:
    """Head, lines with their share of the discount (101 of 2,500: 80.8 and 20.2), delivery, history, source."""
    assert stored(placed(9)) == {
        "_id": 9,
        "user_id": 7,
        "warehouse_id": 3,
        "order_time": PLACED_AT,
        "order_date": PLACED_AT.date().isoformat(),
        "quantity": 3,
        "subtotal_cents": 2500,
        "discount_cents": 101,
        "total_cents": 2399,
        "payment_type": "Wallet",
        "user_city": "Oslo",
        "warehouse_name": "North",
        "order_items": [
            {
                "order_item_id": "9-1",
                "product_id": 1,
                "quantity": 2,
                "price_cents": 1000,
                "net_cents": 1919,
                "category": "Books",
            },
            {
                "order_item_id": "9-2",
                "product_id": 60,
                "quantity": 1,
                "price_cents": 500,
                "net_cents": 480,
                "category": "Books",
            },
        ],
        "delivery": {
            "delivery_id": 9,
            "courier_id": 5,
            "courier_name": "Ada",
            "status": "Pending",
            "expected_time": PLACED_AT + timedelta(hours=6),
            "actual_time": None,
            "history": [{"status": "Pending", "at": PLACED_AT}],
        },
        "src": SOURCE,
        "version": 1,
    }


def test_members_nobody_knows_become_unknown() -> None:
    """The order is kept and counted."""
    event = placed(9, courier_id=77)
    event = msgspec.structs.replace(
        event,
        order=msgspec.structs.replace(event.order, user_id=78, warehouse_id=79),
        order_items=[msgspec.structs.replace(item, product_id=80) for item in event.order_items],
    )
    order = stored(event)

    assert order["user_city"] == order["warehouse_name"] == order["delivery"]["courier_name"] == "unknown"
    assert {line["category"] for line in order["order_items"]} == {"unknown"}
    assert (order["user_id"], order["warehouse_id"], order["delivery"]["courier_id"]) == (78, 79, 77)


def test_unknown_fields_are_stored_as_text() -> None:
    """And not at all when there are none."""
    assert stored(placed(9), '{"x":1}')["extra"] == '{"x":1}'
    assert "extra" not in stored(placed(9))


def test_times_are_stored_in_utc_milliseconds() -> None:
    """Memory and store agree, so that a contribution can be taken back exactly."""
    local = datetime(2026, 11, 23, 1, 30, 0, 123_999, timezone(timedelta(hours=2)))

    assert in_milliseconds(local) == datetime(2026, 11, 22, 23, 30, 0, 123_000, UTC)
    assert in_milliseconds(local).tzinfo is UTC
    assert stored(placed(9, at=local))["order_date"] == "2026-11-22"


def test_a_step_is_added_to_the_history() -> None:
    """The order before it stays as it was: it is what the difference is taken from."""
    before = stored(placed(9))
    shipped = apply_step(before, stepped(9, Status.SHIPPED), '{"van":7}')

    assert before == stored(placed(9))
    assert shipped["delivery"]["status"] == "Shipped"
    assert shipped["delivery"]["actual_time"] is None
    assert shipped["delivery"]["history"][1:] == [
        {"status": "Shipped", "at": PLACED_AT + timedelta(hours=1), "extra": '{"van":7}'}
    ]
    assert shipped["version"] == 2


def test_a_delivered_step_happened_at_the_arrival() -> None:
    """The event may have been written later."""
    event = stepped(9, Status.DELIVERED, hours=5)
    event = msgspec.structs.replace(event, event_time=event.event_time + timedelta(hours=2))
    delivered = apply_step(stored(placed(9)), event, None)

    assert delivered["delivery"]["actual_time"] == PLACED_AT + timedelta(hours=5)
    assert delivered["delivery"]["history"][-1] == {"status": "Delivered", "at": PLACED_AT + timedelta(hours=5)}


@pytest.mark.parametrize(("was_delivered", "arrival_hours"), [(True, 5), (False, 9)])
def test_a_returned_order_keeps_its_first_arrival(was_delivered: bool, arrival_hours: int) -> None:
    """If Delivered was lost, the return says when the goods had arrived."""
    order = stored(placed(9))
    if was_delivered:
        order = apply_step(order, stepped(9, Status.DELIVERED, hours=5), None)
    returned = apply_step(order, stepped(9, Status.RETURNED, hours=9), None)

    assert returned["delivery"]["actual_time"] == PLACED_AT + timedelta(hours=arrival_hours)


def test_a_cancelled_order_has_no_arrival() -> None:
    """Also when it was on the way."""
    order = apply_step(stored(placed(9)), stepped(9, Status.SHIPPED), None)
    cancelled = apply_step(order, stepped(9, Status.CANCELLED, hours=2), None)

    assert cancelled["delivery"]["status"] == "Cancelled"
    assert cancelled["delivery"]["actual_time"] is None
    assert [step["status"] for step in cancelled["delivery"]["history"]] == ["Pending", "Shipped", "Cancelled"]
