"""Which order tells the demo that figures are live, and how the store hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ecom_platform.contract.times import to_milliseconds
from ecom_platform.local.demo import live_order_applied
from ecom_platform.local.loading import StoreReport
from ecom_platform.settings import Settings
from ecom_platform.simulator.history import LoadState
from ecom_platform.store import Loading, MongoDatabase, ensure_schema, read_first_order, read_loading, write_loading
from ecom_platform_tests.conftest import Ecom
from ecom_platform_tests.programs import until


def test_the_demo_is_live_with_the_first_order_that_its_own_simulator_sold(
    db: MongoDatabase, settings: Settings
) -> None:
    """Not with a stored order that was placed later by its own account, nor with one of an earlier start."""
    now = datetime.now(UTC)
    db["orders"].insert_many([{"_id": 1, "order_time": now + timedelta(hours=23)}, {"_id": 2, "order_time": now}])
    write_loading(db, "simulator", Loading(0.0, now))
    assert not live_order_applied(settings)

    write_loading(db, "simulator", Loading(0.0, now), first_order_id=4711)
    assert not live_order_applied(settings)

    db["orders"].insert_one({"_id": 4711, "order_time": now})
    assert live_order_applied(settings)


def test_what_the_simulator_reports_is_in_the_store(db: MongoDatabase, settings: Settings) -> None:
    """Written by a thread, and in the rights of the simulator's role."""
    ensure_schema(db)
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    with StoreReport(settings.model_copy(update={"role": "simulator"})) as report:
        report(LoadState(0.25, to_milliseconds(noon), 4711))
        until("the report", lambda: read_loading(db))

    assert read_loading(db) == Loading(0.25, noon)
    assert read_first_order(db, "simulator") == 4711


def test_a_history_from_the_command_line_is_told_to_the_store(db: MongoDatabase, topic: str, ecom: Ecom) -> None:
    """Orders of every hour are missing until its end, so nothing before its start is known."""
    begun = datetime.now(UTC) - timedelta(milliseconds=1)  # the store keeps no less
    code, _, said = ecom("simulate", "--days", "0.01", "--seed", "7")
    found = read_loading(db)

    assert code == 0, said
    assert found is not None
    assert found.share < 1
    assert begun <= found.known_from <= datetime.now(UTC)


def test_live_orders_from_the_command_line_are_no_history(db: MongoDatabase, topic: str, ecom: Ecom) -> None:
    """No figure waits for them."""
    code, _, said = ecom("simulate", "--orders", "2", "--rate", "20", "--seed", "7")

    assert code == 0, said
    assert read_loading(db) is None
