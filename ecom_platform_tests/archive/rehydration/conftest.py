"""A shop whose archived orders come back."""

from __future__ import annotations

import pytest

from ecom_platform.contract import Status
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import placed, stepped


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    """An empty shop, with its double that never archives."""
    return empty_shop


@pytest.fixture
def archived(shop: Shop) -> Shop:
    """Orders 1 to 6, shipped, archived by run-1."""
    shop.send(*(placed(number) for number in range(1, 7)), *(stepped(number, Status.SHIPPED) for number in range(1, 7)))
    handmade.archive(shop.settings, shop.db, range(1, 7))
    return shop
