"""What the tiles of the Pipeline page say; no page is drawn."""

from __future__ import annotations

from datetime import UTC, datetime

from dashboard.pipeline_tiles import _lag
from dashboard.queries.pipeline import Stream
from ecom_platform.store import Progress

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def beat(partition: int, *, lag: int, held: int = 0, since: datetime | None = None) -> Progress:
    """A heartbeat of now."""
    return Progress("orders", partition, 100, 100 + lag, lag, NOW, NOW, 1, 0.1, 10, held=held, held_since=since)


def test_the_lag_says_what_an_open_transaction_holds_back() -> None:
    """A manager sees that the orders are there, that they wait, and since when."""
    since = NOW.replace(hour=11, minute=50)
    tile = _lag(Stream((beat(0, lag=51, held=51, since=since), beat(1, lag=3)), ()))

    assert (tile.value, tile.beside, tile.words) == ("54", "51", "held back since 11:50:00")
    assert "has not ended its transaction" in tile.meaning


def test_the_usual_lag_speaks_of_no_transaction() -> None:
    """Events to come, and nothing else."""
    tile = _lag(Stream((beat(0, lag=3),), ()))

    assert (tile.value, tile.beside, tile.words) == ("3", "events", "to come")
    assert "transaction" not in tile.meaning
