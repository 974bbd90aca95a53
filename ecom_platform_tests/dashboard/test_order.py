"""One order is found wherever it is stored, and what cannot be read says why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pyroaring import BitMap64

from dashboard.queries.order import find_order, order_number
from ecom_platform.settings import Settings
from ecom_platform.store import collections
from ecom_platform.store.archived import STATE_ID
from ecom_platform.store.manifests import bitmap_to
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.pipe import manifest
from ecom_platform_tests.dashboard.shop import NOW


@pytest.fixture
def settings():
    """Without an archive that could be read."""
    return Settings(_env_file=None, hdfs_uri="")


def archive(db, run, order_ids):
    """Note that a run archived these orders; its files are nowhere."""
    db[collections.ARCHIVE_MANIFESTS].insert_one(manifest(run, "DONE", []) | {"epoch": 1})
    db[collections.ARCHIVED_IDS].insert_one({"run": run, "part": 0, "ids": bitmap_to(BitMap64(order_ids))})
    db[collections.ARCHIVE_STATE].replace_one({"_id": STATE_ID}, {"epoch": 1}, upsert=True)


def test_a_hot_order_is_read_from_mongodb_even_if_it_was_archived_once(shop_db, settings):
    """A hot row always wins."""
    orders = shop.orders_between(NOW - timedelta(hours=9), NOW, 3, seed=4)
    shop.store(shop_db, orders, NOW)
    archive(shop_db, "run-1", [orders[1]["_id"]])

    found = find_order(settings, shop_db, orders[1]["_id"])

    assert (found.document, found.stored) == (orders[1], "Stored in MongoDB.")


def test_an_archived_order_that_cannot_be_read_names_its_run(shop_db, settings):
    """The archive is away: that is said, not taken for an outage of MongoDB; waiting late events are counted."""
    archive(shop_db, "run-1", [4711])
    shop_db[collections.LATE_EVENTS].insert_one({"_id": "orders-0-1", "order_id": 4711})

    found = find_order(settings, shop_db, 4711)

    assert found.document is None
    assert "run-1" in found.stored
    assert found.late_events == 1


def test_an_order_nobody_knows_is_said_so(shop_db, settings):
    """Neither hot nor archived."""
    assert find_order(settings, shop_db, 5).stored == "There is no order 5, neither in MongoDB nor in the archive."


@pytest.mark.parametrize(("text", "number"), [("4711", 4711), ("9007199254740991", 2**53 - 1)])
def test_the_number_of_an_order_is_found(text, number):
    """Up to the largest that the contract allows."""
    assert order_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "-1", "4711a", "9007199254740992", "9" * 5_000, "²"])
def test_what_cannot_be_the_number_of_an_order_is_not_asked_for(text):
    """From the address or the keyboard; MongoDB takes no number beyond 64 bits."""
    assert order_number(text) is None
