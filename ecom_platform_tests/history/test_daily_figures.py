"""The daily KPIs beside the rollups."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from ecom_platform.history.daily_figures import differences, figures_of
from ecom_platform_tests.kpi.stored import NOW, random_order, rollups_of


def test_rollups_of_several_partitions_are_one_day() -> None:
    """Summed over partitions, payment types and the documents of a product's block."""
    chance = random.Random(3)
    orders = [random_order(chance, number, days=1) for number in range(200)]
    day = orders[0]["order_date"]
    documents = []
    for partition in (0, 1, -1):
        increments = rollups_of(orders[partition % 3 :: 3]).increments(partition, NOW)
        documents += [(one.collection, one.document()) for one in increments]
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    of_day = [(name, row) for name, row in documents if row.get("grain") == "day" and row["t"] == start]
    cube = [row for name, row in of_day if name == "kpi_cube" and row["basis"] == "P"]
    figures = figures_of(cube, [row for name, row in of_day if name == "kpi_product"])

    mine = [order for order in orders if order["order_date"] == day]
    assert figures["day", ""]["orders"] == len(mine)
    assert figures["day", ""]["booked_cents"] == sum(order["total_cents"] for order in mine)
    in_oslo = [order for order in mine if order["user_city"] == "Oslo"]
    assert figures["city", "Oslo"]["orders"] == len(in_oslo)
    assert sum(row["Cancelled"] for key, row in figures.items() if key[0] == "warehouse") == sum(
        order["delivery"]["status"] == "Cancelled" for order in mine
    )


def test_a_cent_is_a_difference_and_zero_is_nothing() -> None:
    """A member that is on one side only differs by all it has."""
    ours = {("day", ""): {"orders": 3, "booked_cents": 10}, ("city", "Oslo"): {"orders": 0}}
    theirs = {("day", ""): {"orders": 3, "booked_cents": 11}, ("city", "Rome"): {"orders": 1}}

    assert [str(found) for found in differences(ours, theirs)] == [
        "orders of city Rome: 0 by the orders, 1 live",
        "booked_cents of day: 10 by the orders, 11 live",
    ]
