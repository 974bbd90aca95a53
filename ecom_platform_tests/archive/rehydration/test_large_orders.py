"""Archived orders of megabytes come back in transactions that the server takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bson
import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from ecom_platform.archive import rehydrate as module
from ecom_platform.archive.rehydrate_transaction import Attempt, Rehydrated
from ecom_platform.contract import Status
from ecom_platform.errors import AccountingError, UnavailableError
from ecom_platform.store.late_events import count_waiting
from ecom_platform.streaming.enrich import stored_order
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.rehydration.coming_back import assert_accounted, bring_back, hot_ids
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import TABLES, placed, stepped
from ecom_platform_tests.streaming.large import large_order

DELIVERED, RETURNED = Status.DELIVERED, Status.RETURNED


def recorded(monkeypatch: pytest.MonkeyPatch, refuse: Any = None) -> list[list[int]]:
    """The orders of each transaction that is tried; `refuse` may raise instead."""
    tried: list[list[int]] = []
    write = Attempt.write

    def record(attempt: Attempt, session: ClientSession) -> Rehydrated:
        tried.append(list(attempt.order_ids))
        if refuse is not None:
            refuse(attempt.order_ids)
        return write(attempt, session)

    monkeypatch.setattr(module.Attempt, "write", record)
    # The driver would try each transaction again for two minutes.
    monkeypatch.setattr("pymongo.client_session_shared._WITH_TRANSACTION_RETRY_TIME_LIMIT", 0)
    return tried


def test_a_transaction_holds_no_more_bytes_than_one_of_the_stream(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small orders are together, a large one is alone; hot orders with late events count as well."""
    sizes = {1: 900, 2: 9_000, 3: 900, 4: 30_000, 5: 900, 6: 9_000}
    shop.send(*(large_order(number, size) for number, size in sizes.items()))
    stored = {order["_id"]: len(bson.encode(order)) for order in shop.db.orders.find()}
    handmade.archive(shop.settings, shop.db, sizes)
    shop.send(*(stepped(number, DELIVERED, hours=4) for number in sizes))
    shop.settings = shop.settings.model_copy(update={"chunk_bytes": 12_000})
    tried = recorded(monkeypatch)

    assert bring_back(shop) == Rehydrated(brought_back=6, applied=6)

    assert sorted(order_id for batch in tried for order_id in batch) == sorted(sizes)
    assert all(len(batch) == 1 or sum(stored[order_id] for order_id in batch) <= 12_000 for batch in tried)
    assert len(tried) < len(sizes)
    shop.assert_same_as_without_archive()
    assert_accounted(shop)


def test_what_the_server_gives_up_comes_back_in_halves(archived: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it is open for too long, or that its cache is full; smaller ones go through."""

    def refuse(order_ids: Sequence[int]) -> None:
        if len(order_ids) > 2:
            raise OperationFailure("too large", 112, {"errorLabels": ["TransientTransactionError"]})

    archived.send(*(stepped(number, DELIVERED, hours=4) for number in range(1, 7)))
    tried = recorded(monkeypatch, refuse)

    assert bring_back(archived) == Rehydrated(brought_back=6, applied=6)

    assert [len(batch) for batch in tried] == [6, 3, 1, 2, 3, 1, 2]
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


@pytest.mark.parametrize(("code", "kind"), [(112, UnavailableError), (2, AccountingError)])
def test_an_order_that_cannot_be_brought_back_is_named_and_holds_nobody_up(
    archived: Shop, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    """Given up every time, or refused with anything left out: it waits, and the others are hot."""
    labels = ["TransientTransactionError"] if kind is UnavailableError else []

    def refuse(order_ids: Sequence[int]) -> None:
        if 3 in order_ids:
            raise OperationFailure("not this one", code, {"errorLabels": labels})

    archived.send_archived(*(stepped(number, DELIVERED, hours=4) for number in range(1, 7)))
    with monkeypatch.context() as patch:
        recorded(patch, refuse)
        with pytest.raises(kind, match="order 3"):
            bring_back(archived)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([1, 2, 4, 5, 6], 1)
    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)


@pytest.mark.full
def test_five_hundred_orders_of_nearly_four_megabytes_come_back(shop: Shop) -> None:
    """Two gigabytes of orders, each with a later step."""
    numbers, note = range(1, 526), "x" * 3_900_000
    for first in range(1, 526, 25):
        part = numbers[first - 1 : first + 24]
        shop.db.orders.insert_many(
            stored_order(placed(number), note, TABLES, {"partition": 0, "offset": number}) for number in part
        )
        handmade.archive(shop.settings, shop.db, part, f"run-{first}")
    shop.send_archived(*(stepped(number, DELIVERED, hours=4) for number in numbers))

    assert bring_back(shop) == Rehydrated(brought_back=525, applied=525)

    assert (hot_ids(shop), count_waiting(shop.db)) == (list(numbers), 0)
