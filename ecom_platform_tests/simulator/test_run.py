"""Plans: where simulated time starts and ends, and which arguments make no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

import pytest

from ecom_platform.errors import UnavailableError, UsageError
from ecom_platform.settings import Settings
from ecom_platform.simulator import run
from ecom_platform.simulator.config import MINUTE_MS, Curve
from ecom_platform.simulator.demand import Demand
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.history import LoadState
from ecom_platform.simulator.run import check_arguments, plan_run, shop_seed, simulate
from ecom_platform.simulator.scenario import load_scenario

NOW_MS = 1_795_392_000_000 + 15 * 3_600_000 + 20_500
STEADY = load_scenario("steady")


@pytest.mark.parametrize(
    ("orders", "days", "rate", "words"),
    [
        (0, None, 1.0, "at least one order"),
        (None, 0.0, 1.0, "more than 0"),
        (None, 400.0, 1.0, "366"),
        (None, None, "max", "where to stop"),
        (None, None, 0.0, "more than 0"),
        (None, None, 1e9, "or max"),
    ],
)
def test_senseless_arguments_are_refused_with_what_is_possible(orders, days, rate, words) -> None:
    """Before anything is opened or sent."""
    with pytest.raises(UsageError, match=words):
        check_arguments(orders, days, rate)


def test_a_paced_run_follows_the_clock_at_the_wanted_rate(dimensions) -> None:
    """From now on, with flat demand, whatever the hour is."""
    plan = plan_run(7, STEADY, dimensions, orders=60, rate=10.0, now_ms=NOW_MS)

    assert (plan.start_ms, plan.paced, plan.orders) == (NOW_MS, True, 60)
    assert (plan.config.orders_per_second, plan.config.curve) == (10.0, Curve.FLAT)


def test_days_of_history_end_now(dimensions) -> None:
    """Two days up to the last full minute, with the measured curves."""
    plan = plan_run(7, STEADY, dimensions, days=2, rate="max", now_ms=NOW_MS)

    assert plan.end_ms == NOW_MS // MINUTE_MS * MINUTE_MS
    assert plan.end_ms - plan.start_ms == 2 * 86_400_000
    assert (plan.config.curve, plan.paced) == (Curve.CALIBRATED, False)


def test_a_number_of_orders_at_full_speed_ends_about_now(dimensions) -> None:
    """The shop opens as long ago as it takes for that many orders to be wanted."""
    plan = plan_run(7, STEADY, dimensions, orders=5_000, rate="max", now_ms=NOW_MS)
    demand = Demand(plan.config, dimensions, 1)
    wanted = sum(demand.count(minute) for minute in range(plan.start_ms // MINUTE_MS, NOW_MS // MINUTE_MS))

    assert 5_000 < wanted < 5_400


def test_a_later_run_at_full_speed_ends_before_now_too(dimensions) -> None:
    """Its customers are others than the first run's: here nobody comes in the minute that would do for the first."""
    now = datetime(2026, 11, 25, 3, 7, 29, tzinfo=UTC)
    plan = plan_run(5, STEADY, default_shop(5), 3, orders=3, rate="max", now_ms=int(now.timestamp() * 1000))
    demand = Demand(plan.config, default_shop(5), 3)
    minutes = range(plan.start_ms // MINUTE_MS, int(now.timestamp()) // 60)

    assert sum(map(demand.count, minutes)) > 3


def test_a_fixed_start_makes_a_run_repeatable(dimensions) -> None:
    """The clock no longer matters."""
    first, second = (
        plan_run(7, STEADY, dimensions, days=1, rate="max", start_ms=MINUTE_MS * 1000, now_ms=now)
        for now in (NOW_MS, NOW_MS + 999_000)
    )

    assert first == second
    assert first.end_ms - first.start_ms == 86_400_000


def test_a_kafka_that_is_not_there_is_one_sentence_within_seconds(tmp_path) -> None:
    """With the next command to run, and no state that would claim something was sent."""
    settings = Settings(home=tmp_path, kafka_bootstrap_servers="")

    with pytest.raises(UnavailableError, match="ecom up"):
        simulate(settings, orders=1)
    assert not (tmp_path / "simulator" / "state.msgpack").exists()


def test_the_seed_of_a_fresh_home_is_the_wanted_one(tmp_path) -> None:
    """So that dimensions can be loaded before the first event."""
    assert shop_seed(Settings(home=tmp_path), 12) == 12


class Stream:
    """What a stream has published, from one look to the next; None: it does not run. The last look stays."""

    def __init__(self, *looks: int | None) -> None:
        self._looks = list(looks)

    @property
    def published(self) -> dict[int, int]:
        """Of the one partition that there is."""
        return {} if self._looks[0] is None else {0: self._looks[0]}

    def behind(self) -> int | None:
        """Others write into the topic all the time, so that it is never empty."""
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return None if look is None else 7


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[LoadState]:
    """What a history says of itself, at every step instead of once a second."""
    monkeypatch.setattr(run, "_REPORT_SECONDS", -1.0)
    return []


def test_a_history_says_how_far_it_is_and_that_only_what_is_placed_from_now_on_is_known(told: list[LoadState]) -> None:
    """From before its first message; it is whole only once it was applied."""
    seen: list[tuple[float, float]] = []
    one = run._Told(told.append, lambda done, total: seen.append((done, total)))
    one(720, 2_880)
    one(2_880, 2_880)

    assert [state.share for state in told] == [0.0, 0.25, 0.99]
    assert seen == [(720, 2_880), (2_880, 2_880)]
    known_from = {state.known_from_ms for state in told}
    assert len(known_from) == 1
    assert abs(known_from.pop() - datetime.now(UTC).timestamp() * 1000) < 60_000


@pytest.mark.parametrize(
    ("looks", "last"),
    [((0, 0, 880, 900), LoadState(1.0, None)), ((None,), None), ((0, 880, None), None)],
    ids=["a stream applies it", "no stream runs", "the stream ends"],
)
def test_a_history_is_there_when_a_stream_has_applied_it(
    told: list[LoadState], looks: tuple[int | None, ...], last: LoadState | None
) -> None:
    """Its own 900 messages, not those that others send meanwhile. Without a stream the last word grows too old."""
    one = run._Told(told.append, None)
    one.until_applied(Stream(*looks), {0: 900}, Event())

    assert [state for state in told if state.known_from_ms is None] == ([last] if last else [])


def test_nobody_waits_for_a_stream_that_stands_still(told: list[LoadState], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have died; the topic keeps the rest."""
    monkeypatch.setattr(run, "_STANDSTILL_SECONDS", 0.0)
    run._Told(told.append, None).until_applied(Stream(880), {0: 900}, Event())

    assert [state.share for state in told] == [0.0]
