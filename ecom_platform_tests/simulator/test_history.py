"""The past of the demo: in which order it is written, and from when on the figures are whole meanwhile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

import orjson
import pytest

from ecom_platform.simulator.config import MINUTE_MS, Curve, ShopConfig
from ecom_platform.simulator.history import HistoryProgress, LoadState, history_allowance, newest_stretch
from ecom_platform.simulator.ledger import Ledger
from ecom_platform.simulator.shop_parts import ShopParts
from ecom_platform.simulator.state import StateStore

DAY = 1440
MIDNIGHT = 1_795_392_000_000 // MINUTE_MS
NOW = MIDNIGHT + 14 * 60 + 20


@dataclass
class Part:
    """A stretch of the past that is written so far."""

    start_minute: int
    end_minute: int
    share: float = 0.0


@pytest.mark.parametrize(("behind", "allowed"), [(None, 0), (0, 500), (7_700, 300), (8_000, 0), (50_000, 0)])
def test_history_is_written_only_while_the_stream_keeps_up(behind, allowed) -> None:
    """Nothing while the lag is unknown, nothing at 8,000, and never more than one batch."""
    assert history_allowance(behind) == allowed


@pytest.mark.parametrize(
    ("missing_minutes", "newest_minutes"),
    [(2 * DAY, 4 * 60 + 20), (12 * 60, 4 * 60 + 20), (5 * 60, None), (6, None)],
)
def test_the_newest_hours_are_written_first(missing_minutes, newest_minutes) -> None:
    """From a whole hour on, because some figures are kept by hours; a short past is one part."""
    begins = newest_stretch(NOW - missing_minutes, NOW)

    assert begins == (None if newest_minutes is None else NOW - newest_minutes)


def test_figures_are_whole_from_the_newest_stretch_on_that_the_stream_has_applied() -> None:
    """Sent is not enough: until both partitions are behind its last message, the instant stays where it was."""
    newest, rest = Part(NOW - 60, NOW), Part(NOW - 240, NOW - 60)
    progress = HistoryProgress([newest, rest])
    assert progress.state([newest, rest], None) == LoadState(0.0, NOW * MINUTE_MS)

    newest.share = rest.share = 0.5
    assert progress.state([newest, rest], 7) == LoadState(0.5, NOW * MINUTE_MS, 7)

    progress.sent([rest], {0: 100, 1: 90})
    progress.applied({0: 100, 1: 89})
    assert progress.state([rest], 7).known_from_ms == NOW * MINUTE_MS
    progress.applied({0: 100, 1: 90})
    assert progress.state([rest], 7).known_from_ms == (NOW - 60) * MINUTE_MS

    progress.sent([], {0: 200, 1: 190})
    progress.applied({0: 200, 1: 100})
    assert progress.state([], 7) == LoadState(0.99, (NOW - 60) * MINUTE_MS, 7)
    progress.applied({0: 210, 1: 190})
    assert progress.state([], 7) == LoadState(1.0, None, 7)


def test_without_a_past_nothing_is_being_loaded() -> None:
    """A shop that was closed for a minute."""
    assert HistoryProgress([]).state([], None) == LoadState(1.0, None)


@pytest.fixture
def parts(tmp_path, dimensions):
    """A shop that opens two days ago and is split at now, as in a fresh home."""
    with StateStore(tmp_path / "state") as store, Ledger(tmp_path / "ledger") as ledger:
        producer = SimpleNamespace(ledger=ledger)  # nothing is sent: only the ledger's position is asked for
        config = ShopConfig(7, 0.2, Curve.FLAT)
        opened = ShopParts.open(store, producer, dimensions, config, (NOW - 2 * DAY) * MINUTE_MS)
        opened.split_off_past(dimensions, NOW)
        yield opened


def test_every_part_has_order_numbers_of_its_own_in_the_order_of_time(parts) -> None:
    """However much of each is written when: none is given twice."""
    written = [list(one.shop.advance(one.end_minute * MINUTE_MS)) for one in reversed(parts.backlog)]
    written.append(list(parts.live.advance((NOW + 30) * MINUTE_MS)))
    numbers = [message.order_id for part in written for message in part if message.total_cents is not None]

    assert [(one.start_minute, one.end_minute) for one in parts.backlog] == [
        (NOW - 260, NOW),
        (NOW - 2 * DAY, NOW - 260),
    ]
    assert min(len(part) for part in written) > 300
    assert numbers == sorted(set(numbers))


def test_an_order_of_the_past_comes_with_all_that_became_of_it(parts) -> None:
    """Whatever part of the past is written, each of its orders is in the state it has now."""
    newest = parts.backlog[0].shop
    messages = [one for one in newest.advance(NOW * MINUTE_MS) if one.order_id is not None]
    last_seen, steps = {}, defaultdict(list)
    for place, one in enumerate(messages):
        assert last_seen.get(one.order_id, place - 1) == place - 1, "an order's messages are apart"
        last_seen[one.order_id] = place
        steps[one.order_id].append(orjson.loads(one.value)["event_time"])
    parts.merge_first()
    later = [one for one in parts.live.advance((NOW + DAY) * MINUTE_MS) if one.order_id in steps]

    assert all(times == sorted(times) for times in steps.values())
    assert max(len(times) for times in steps.values()) == 3
    assert later
    assert min(one.time_ms for one in later) >= NOW * MINUTE_MS
