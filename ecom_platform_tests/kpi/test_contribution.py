"""What an order counts for, against an independent recomputation."""

from __future__ import annotations

import random

import pytest

from ecom_platform.kpi import Rollups, accumulate, accumulate_receipt, contribution
from ecom_platform_tests.kpi.stored import LIVES, NOW, Document, random_order, rollups_of, take_step
from ecom_platform_tests.oracle.rollups import Documents, naive_rollups


def documents(rollups: Rollups, partition: int = 0) -> Documents:
    """The amounts of the increments, by document."""
    return {(i.collection, i.id): dict(i.amounts) for i in rollups.increments(partition, NOW)}


def amounts(order: Document, collection: str, start: str) -> dict[str, int]:
    """The amounts that one order adds to the one document whose id begins with `start`."""
    (found,) = [
        content
        for (name, id_), content in documents(contribution(order)).items()
        if name == collection and id_.startswith(start)
    ]
    return found


def recent(life: tuple[str, ...], seed: int = 1) -> Document:
    """An order of the last two days, so that no grain has expired."""
    return random_order(random.Random(seed), 1, life, days=2)


@pytest.mark.parametrize("life", LIVES, ids="-".join)
@pytest.mark.parametrize("seed", range(5))
def test_one_order_counts_as_the_definitions_say(life: tuple[str, ...], seed: int) -> None:
    """For every status and every history that leads to it."""
    order = random_order(random.Random(seed), 1, life)

    assert documents(contribution(order)) == naive_rollups([order], 0, NOW)


@pytest.mark.parametrize("seed", range(3))
def test_many_orders_count_as_the_definitions_say(seed: int) -> None:
    """Folded together, with few warehouses, couriers and products, so that most keys are shared."""
    chance = random.Random(seed)
    orders = [random_order(chance, order_id) for order_id in range(400)]

    assert documents(rollups_of(orders), partition=3) == naive_rollups(orders, 3, NOW)


def test_an_order_of_three_lines_is_one_order() -> None:
    """The fan-out mistake: money and orders are summed per order, never after unfolding its lines."""
    order = recent(("Pending", "Shipped"))
    line = {"product_id": 1, "quantity": 1, "price_cents": 100, "net_cents": 90, "category": "Books"}
    order |= {"quantity": 3, "subtotal_cents": 300, "discount_cents": 30, "total_cents": 270, "order_items": [line] * 3}
    payment = order["payment_type"]
    head = amounts(order, "kpi_cube", "P/day/")

    assert head[f"payment.{payment}.orders"] == 1
    assert head[f"payment.{payment}.revenue_cents"] == 270
    assert head[f"category.Books.{payment}.orders"] == 1
    assert head[f"category.Books.{payment}.valid_orders"] == 1
    assert head[f"category.Books.{payment}.net_cents"] == 270
    assert head[f"category.Books.{payment}.units"] == 3


def test_a_cancelled_order_leaves_revenue_and_stays_booked() -> None:
    """It is still an order that was placed, with its value in `cancelled_cents`."""
    order = recent(("Pending", "Cancelled")) | {"payment_type": "Cash"}
    head = amounts(order, "kpi_minute", "")
    total = order["total_cents"]

    assert head["payment.Cash.orders"] == 1
    assert head["payment.Cash.booked_cents"] == total > 0
    assert head["payment.Cash.cancelled_cents"] == total
    assert head["payment.Cash.status.Cancelled"] == 1
    absent = ("revenue_cents", "units", "discount_cents", "subtotal_cents", "returned_cents")
    assert not {f"payment.Cash.{name}" for name in absent} & head.keys()
    assert not [id_ for name, id_ in documents(contribution(order)) if name == "kpi_product" or id_.startswith("D/")]


def test_a_returned_order_stays_in_revenue() -> None:
    """Its value is shown beside the revenue and is not deducted."""
    order = recent(("Pending", "Shipped", "Delivered", "Returned")) | {"payment_type": "Cash"}
    head = amounts(order, "kpi_minute", "")

    assert head["payment.Cash.revenue_cents"] == head["payment.Cash.returned_cents"] == order["total_cents"]


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (("Pending",), {"reserved"}),
        (("Pending", "Shipped"), {"shipped"}),
        (("Pending", "Delivered"), {"shipped"}),
        (("Pending", "Shipped", "Delivered", "Returned"), {"shipped", "returned"}),
        (("Pending", "Cancelled"), set()),
        (("Pending", "Shipped", "Cancelled"), {"shipped", "returned"}),
    ],
)
def test_stock_follows_the_goods(life: tuple[str, ...], expected: set[str]) -> None:
    """Reserved while Pending, gone once shipped, back when returned or cancelled on the way."""
    found = documents(contribution(recent(life)))
    states = {path.rpartition(".")[2] for (name, _), paths in found.items() if name == "stock" for path in paths}

    assert states == expected


def test_received_goods_are_only_stock() -> None:
    """Two receipts of one product add up."""
    rollups = Rollups()
    accumulate_receipt(rollups, 2, 51, 10)
    accumulate_receipt(rollups, 2, 51, 5)

    assert documents(rollups) == {("stock", "2/1/0"): {"products.51.received": 15}}


@pytest.mark.parametrize(("delay_seconds", "on_time"), [(-1, 1), (0, 1), (1, 0)])
def test_arriving_exactly_at_the_promise_is_on_time(delay_seconds: int, on_time: int) -> None:
    """Equal is not late."""
    order = recent(("Pending", "Shipped", "Delivered"))
    delivery = order["delivery"]
    arrived = delivery["expected_time"].fromtimestamp(
        delivery["expected_time"].timestamp() + delay_seconds, delivery["expected_time"].tzinfo
    )
    order["delivery"] = {**delivery, "actual_time": arrived}
    promise = amounts(order, "kpi_cube", "D/day/")
    payment = f"payment.{order['payment_type']}"

    assert promise.get(f"{payment}.on_time", 0) == on_time
    assert promise[f"{payment}.due"] == promise[f"{payment}.delivered"] == 1
    assert promise.get(f"{payment}.delay_seconds", 0) == delay_seconds


@pytest.mark.parametrize("seed", range(5))
def test_differences_over_a_life_add_up_to_its_end(seed: int) -> None:
    """What the stream writes step by step is what the auditor computes from the stored order."""
    chance = random.Random(seed)
    orders, written = [], Rollups()
    for order_id in range(100):
        life = chance.choice(LIVES)
        order = random_order(chance, order_id, life[:1])
        accumulate(written, order, 1)
        for status in life[1:]:
            after = take_step(chance, order, status)
            accumulate(written, order, -1)
            accumulate(written, after, 1)
            order = after
        orders.append(order)

    assert documents(written) == naive_rollups(orders, 0, NOW)


def test_taking_a_contribution_back_leaves_nothing() -> None:
    """Added and taken back, no document is touched."""
    order = random_order(random.Random(3), 1)
    rollups = contribution(order)
    accumulate(rollups, order, -1)

    assert documents(rollups) == {}
