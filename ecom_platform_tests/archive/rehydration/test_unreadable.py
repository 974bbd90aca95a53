"""Orders that cannot be brought back wait, or are reported, and hold no other up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.rehydrate_transaction import Rehydrated
from ecom_platform.contract import Status
from ecom_platform.errors import AccountingError, UnavailableError
from ecom_platform.store.late_events import count_waiting
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.rehydration.coming_back import assert_accounted, bring_back, hot_ids, of_day
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import PLACED_AT, placed, stepped

SHIPPED, DELIVERED = Status.SHIPPED, Status.DELIVERED


@pytest.mark.parametrize("damage", [b"", b"PAR1 these are no columns PAR1"], ids=["missing", "damaged"])
def test_orders_whose_file_cannot_be_read_wait_and_the_others_come_back(shop: Shop, damage: bytes) -> None:
    """A clear sentence; after the file is restored the next run does the rest."""
    yesterday = PLACED_AT - timedelta(days=1)
    shop.send(placed(1), placed(2, at=yesterday))
    handmade.archive(shop.settings, shop.db, [1, 2])
    files, paths = arrow_file_system(shop.settings), sorted(f["path"] for f in manifest(shop)["files"])
    with files.open_input_file(f"{ROOT}/{paths[0]}") as stream:
        content = stream.read()
    files.delete_file(f"{ROOT}/{paths[0]}")
    if damage:
        handmade.put(shop.settings, f"{ROOT}/{paths[0]}", damage)
    shop.send(stepped(1, SHIPPED), of_day(stepped(2, SHIPPED), yesterday))

    with pytest.raises(UnavailableError, match="still wait"):
        bring_back(shop)
    assert (hot_ids(shop), count_waiting(shop.db)) == ([1], 1)

    handmade.put(shop.settings, f"{ROOT}/{paths[0]}", content)
    assert bring_back(shop).brought_back == 1
    shop.assert_same_as_without_archive()


def manifest(shop: Shop) -> dict[str, Any]:
    """The only manifest."""
    return shop.db.archive_manifests.find_one()


def test_an_order_that_is_nowhere_is_reported_and_holds_nobody_up(archived: Shop) -> None:
    """As a file that lost a row would leave it."""
    archived.db.archive_manifests.update_one({}, {"$set": {"superseded": handmade.bitmap([2])}})
    archived.send_archived(stepped(1, DELIVERED, hours=4), stepped(2, DELIVERED, hours=4))

    with pytest.raises(AccountingError, match=r"1 orders .* \(2\)"):
        bring_back(archived)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([1], 1)


def test_an_event_whose_outcome_cannot_be_stored_becomes_a_dead_letter(archived: Shop) -> None:
    """Of many orders only that one stays as it was."""
    day = f"{PLACED_AT:%Y-%m-%d}"
    archived.send_archived(placed(9, courier_id=99))
    handmade.archive(archived.settings, archived.db, [9], "run-2")
    archived.db.kpi_cube.insert_one({"_id": f"P/day/{day}/3/99/-1", "payment": "not an object"})
    archived.send_archived(*(stepped(number, DELIVERED, hours=4) for number in (1, 2, 3, 9)))

    assert bring_back(archived) == Rehydrated(brought_back=3, applied=3, dead=1)

    assert [letter["reason"] for letter in archived.db.dead_letters.find()] == ["not_storable"]
    assert hot_ids(archived) == [1, 2, 3]
    assert_accounted(archived)
