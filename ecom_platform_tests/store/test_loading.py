"""What loaders say of themselves, and how long it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ecom_platform.orchestration.runs.requests import history_is_loading
from ecom_platform.store import Loading, MongoDatabase, read_first_order, read_loading, write_loading
from ecom_platform.store.collections import LOADING
from ecom_platform.store.loading import EXPIRES_AFTER_SECONDS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def grow_old(db: MongoDatabase, role: str) -> None:
    """Let as much time go by as what was said last counts."""
    past = {"$subtract": ["$expires_at", int(EXPIRES_AFTER_SECONDS * 1000)]}
    db[LOADING].update_one({"_id": role}, [{"$set": {"expires_at": past}}])


def test_what_a_loader_says_counts_until_it_has_been_silent_for_20_seconds(db: MongoDatabase) -> None:
    """A simulator that is killed in mid-history leaves no "Loading history 40 %" behind."""
    assert read_loading(db) is None
    write_loading(db, "simulator", Loading(0.4, NOON))
    assert read_loading(db) == Loading(0.4, NOON)
    assert history_is_loading(db) == "40 % of the history is loaded; batch work begins after it."

    grow_old(db, "simulator")
    assert read_loading(db) is None
    assert history_is_loading(db) is None

    write_loading(db, "simulator", Loading(0.5, NOON))
    assert read_loading(db) == Loading(0.5, NOON)


def test_a_loader_that_is_done_says_so_at_once(db: MongoDatabase) -> None:
    """Nobody waits for what it said last to grow old."""
    write_loading(db, "simulator", Loading(0.99, NOON))
    write_loading(db, "simulator", None, first_order_id=4711)

    assert read_loading(db) is None
    assert read_first_order(db, "simulator") == 4711
    assert read_first_order(db, "import") is None


def test_of_two_loaders_the_one_that_is_least_far_counts(db: MongoDatabase) -> None:
    """Figures are whole from where both are; one that is silent does not count."""
    write_loading(db, "simulator", Loading(0.9, NOON - timedelta(hours=3)))
    write_loading(db, "import", Loading(0.1, NOON))
    assert read_loading(db) == Loading(0.1, NOON)

    grow_old(db, "import")
    assert read_loading(db) == Loading(0.9, NOON - timedelta(hours=3))
