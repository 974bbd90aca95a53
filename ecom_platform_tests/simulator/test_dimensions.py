"""The default shop: its sizes, its keys and its prices."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ecom_platform.simulator.calibration import product_weights
from ecom_platform.simulator.dimensions import default_shop


def test_the_default_shop_has_the_documented_sizes(dimensions) -> None:
    """6 warehouses, 24 couriers, 500 products in 12 categories, 5,000 users in 40 cities, a shelf for every pair."""
    assert len(dimensions.warehouses) == 6
    assert len(dimensions.couriers) == 24
    assert len(dimensions.products) == 500
    assert len({product["category"] for product in dimensions.products}) == 12
    assert len(dimensions.users) == 5_000
    assert len({user["city"] for user in dimensions.users}) == 40
    assert len(dimensions.inventory) == 3_000


def test_every_courier_serves_one_warehouse_and_every_warehouse_has_four(dimensions) -> None:
    """24 couriers fall evenly on 6 warehouses."""
    assert Counter(courier["warehouse_id"] for courier in dimensions.couriers) == dict.fromkeys(range(1, 7), 4)


def test_inventory_is_keyed_by_warehouse_and_product(dimensions) -> None:
    """The natural key is `warehouse-product`, and stock is reordered before it runs out."""
    for row in dimensions.inventory:
        assert row["_id"] == f"{row['warehouse_id']}-{row['product_id']}"
        assert 0 < row["reorder_point"] < row["opening"]


def test_the_same_seed_gives_the_same_shop(dimensions) -> None:
    """Nothing but the seed decides, and another seed is another shop."""
    assert default_shop(7) == dimensions
    assert default_shop(8) != dimensions


def test_prices_over_sold_lines_have_the_calibrated_shape(dimensions) -> None:
    """Weighted by sales the log of the price is normal with sigma 1.25 around a median of 19 dollars."""
    prices = np.array([product["price_cents"] for product in dimensions.products], dtype=float)
    weights = product_weights(7, 500)
    mean = float(np.average(np.log(prices), weights=weights))
    sigma = float(np.sqrt(np.average((np.log(prices) - mean) ** 2, weights=weights)))

    assert abs(mean - np.log(1_900)) < 0.1
    assert 1.0 < sigma < 1.4
