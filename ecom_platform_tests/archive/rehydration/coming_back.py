"""Bringing orders back as a sensor's run does, and what is looked at afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.client_session import ClientSession

from ecom_platform.archive import rehydrate_transaction as transaction
from ecom_platform.archive.rehydrate import rehydrate_waiting
from ecom_platform.archive.rehydrate_transaction import Rehydrated
from ecom_platform.contract import OrderPlaced
from ecom_platform.store import MongoDatabase
from ecom_platform.store.late_events import LateOutcomes, count_waiting, read_late_outcomes
from ecom_platform_tests.archive.shops import Shop


def bring_back(shop: Shop) -> Rehydrated:
    """Rehydrate as a sensor's run does."""
    return rehydrate_waiting(shop.settings, shop.db, "a test")


def hot_ids(shop: Shop) -> list[int]:
    """Orders in MongoDB."""
    return sorted(order["_id"] for order in shop.db.orders.find({}, {"_id": 1}))


def assert_accounted(shop: Shop) -> None:
    """Every offset has an outcome, and every late event waits or became something."""
    counters = shop.offsets.counters
    consumed = read_late_outcomes(shop.db, shop.settings.topic).get(0, LateOutcomes())
    assert counters.total == shop.offsets.next - shop.offsets.first
    assert counters.late == count_waiting(shop.db) + consumed.total


def rollups_of(shop: Shop) -> Any:
    """Every amount of the rollups."""
    return [list(shop.db[name].find().sort("_id")) for name in ("kpi_minute", "kpi_cube", "kpi_product", "stock")]


def during_the_commit(monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Let something happen once, at the last moment before a rehydration commits."""
    count, pending = transaction.add_late_outcomes, [happens]

    def interrupted(db: MongoDatabase, outcomes: Any, session: ClientSession) -> None:
        count(db, outcomes, session)
        if pending:
            pending.pop()()

    monkeypatch.setattr(transaction, "add_late_outcomes", interrupted)


class Killed(BaseException):
    """The process is gone."""


def of_day(event: Any, placed_at: Any) -> Any:
    """The event, saying that its order was placed then."""
    assert not isinstance(event, OrderPlaced)
    event.order_time = placed_at
    return event
