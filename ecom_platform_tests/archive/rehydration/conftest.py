"""A shop whose archived orders come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecom_platform.contract import Status
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.shops import Shop, make_shop
from ecom_platform_tests.streaming.events import placed, stepped


@pytest.fixture
def shop(settings: Settings, db: MongoDatabase) -> Iterator[Shop]:
    """An empty shop, with its double that never archives."""
    shadow = db.client.get_database(f"{db.name}_shadow", db.codec_options)
    yield make_shop(settings, db, shadow)
    db.client.drop_database(shadow.name)


@pytest.fixture
def archived(shop: Shop) -> Shop:
    """Orders 1 to 6, shipped, archived by run-1."""
    shop.send(*(placed(number) for number in range(1, 7)), *(stepped(number, Status.SHIPPED) for number in range(1, 7)))
    handmade.archive(shop.settings, shop.db, range(1, 7))
    return shop
