"""What is remembered between runs, and who may touch it."""

from __future__ import annotations

import pytest

from ecom_platform.errors import ConfigurationError, UsageError
from ecom_platform.simulator.config import Curve, ShopConfig
from ecom_platform.simulator.ledger import LedgerPosition
from ecom_platform.simulator.shop import Shop
from ecom_platform.simulator.shop_parts import seed_of
from ecom_platform.simulator.state import HomeState, StateStore

START_MS = 1_795_392_000_000


@pytest.fixture
def state(dimensions) -> HomeState:
    """A shop that has been open for a minute and a half."""
    shop = Shop.open(dimensions, ShopConfig(7, 1.0, Curve.FLAT), START_MS, 1, 1)
    list(shop.advance(START_MS + 90_000))
    return HomeState(7, shop.state, LedgerPosition("events-000001.jsonl", 0, 0))


def test_a_fresh_home_remembers_nothing(tmp_path) -> None:
    """None, and no error."""
    with StateStore(tmp_path / "simulator") as store:
        assert store.load() is None


def test_a_snapshot_comes_back_as_it_was(tmp_path, dimensions, state) -> None:
    """A shop made from it goes on like the one it was made of."""
    with StateStore(tmp_path) as store:
        store.save(state)
        loaded = store.load()
    until = START_MS + 600_000

    assert loaded is not None
    assert list(Shop(dimensions, loaded.live).advance(until)) == list(Shop(dimensions, state.live).advance(until))


def test_the_journal_counts_what_followed_the_snapshot(tmp_path, state) -> None:
    """A torn last line is passed over; a new snapshot begins an empty journal."""
    with StateStore(tmp_path) as store:
        store.save(state)
        store.note(1, 500)
        store.note(2, 3)
        with (tmp_path / "journal-1").open("ab") as opened:
            opened.write(b"1 5")

        assert store.sent_since(state) == [(1, 500), (2, 3)]

        store.save(state)

        assert store.sent_since(state) == []
        assert [file.name for file in tmp_path.glob("journal-*")] == ["journal-2"]


def test_a_second_simulator_is_refused(tmp_path) -> None:
    """Two would give one number to two orders."""
    with StateStore(tmp_path), pytest.raises(UsageError, match="Another simulator"), StateStore(tmp_path):
        pass


def test_a_damaged_state_is_refused_with_the_way_out(tmp_path) -> None:
    """Rather than silently starting afresh with numbers that were used."""
    (tmp_path / "state.msgpack").write_bytes(b"\x00nonsense")

    with StateStore(tmp_path) as store, pytest.raises(ConfigurationError, match="ecom reset"):
        store.load()


def test_a_home_keeps_its_seed(state) -> None:
    """The stored seed holds; asking for another one is an error, not a mixture of two shops."""
    assert seed_of(state, None) == seed_of(state, 7) == 7
    with pytest.raises(UsageError, match="seed 7, not 8"):
        seed_of(state, 8)
