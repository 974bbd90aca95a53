"""Shops the simulator's tests share; none of them needs a server."""

from __future__ import annotations

import pytest

from ecom_platform.simulator.config import Curve, ShopConfig
from ecom_platform.simulator.dimensions import Dimensions, default_shop
from ecom_platform.simulator.emission import Emission
from ecom_platform.simulator.shop import Shop

SEED = 7
START_MS = 1_795_392_000_000  # 2026-11-23 00:00 UTC, a Monday
HOUR_MS = 3_600_000


@pytest.fixture(scope="session")
def dimensions() -> Dimensions:
    """The default shop of one seed."""
    return default_shop(SEED)


@pytest.fixture(scope="session")
def four_hours(dimensions: Dimensions) -> list[Emission]:
    """What happens in the first four hours of a shop without faults, at one order a second."""
    shop = Shop.open(dimensions, ShopConfig(SEED, 1.0, Curve.FLAT), START_MS, 1, 1)
    return list(shop.advance(START_MS + 4 * HOUR_MS))
