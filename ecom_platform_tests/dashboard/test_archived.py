"""The verification of a range whose orders are in the archive."""

from __future__ import annotations

from dashboard.queries.verify import verify
from dashboard.ranges import Window
from ecom_platform.history.question import Filters
from ecom_platform.store import ensure_schema
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.shop import DAY, MIDNIGHT, NOW


def test_archived_orders_are_read_from_their_files(settings, db):
    """Most of the orders in a file, the rest hot, one in both: the rollups stayed, and every figure is the same."""
    ensure_schema(db)
    orders = shop.orders_between(MIDNIGHT - 2 * DAY, MIDNIGHT, 90, seed=8, now=NOW)
    shop.store(db, orders, NOW)
    ids = [order["_id"] for order in orders]
    handmade.commit(settings, db, ids[:60])
    db.orders.delete_many({"_id": {"$in": ids[:59]}})

    found = verify(settings, db, Window(MIDNIGHT - 2 * DAY, MIDNIGHT), Filters(), NOW)

    assert found.differing == []
    assert (found.hot_orders, found.cold_orders) == (31, 59)
