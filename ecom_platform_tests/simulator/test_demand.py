"""Demand against the figures it is calibrated on."""

from __future__ import annotations

from collections import Counter
from statistics import fmean, median, quantiles

import numpy as np
import pytest

from ecom_platform.simulator.calibration import user_weights
from ecom_platform.simulator.config import MINUTE_MS, Curve, Incident, IncidentKind, ShopConfig
from ecom_platform.simulator.demand import Demand, demand_factor

SEED = 7
MONDAY = 1_795_392_000_000 // MINUTE_MS  # 2026-11-23 00:00 UTC


@pytest.fixture(scope="module")
def demand(dimensions) -> Demand:
    """The customers of a shop with one order a second."""
    return Demand(ShopConfig(SEED, 1.0, Curve.FLAT), dimensions, 1)


@pytest.fixture(scope="module")
def draws(demand):
    """Three hours of orders, about 10,800."""
    return [draw for minute in range(180) for draw in demand.draws(MONDAY + minute)]


def test_the_hour_factor_has_the_measured_extremes() -> None:
    """0.03 at 04 h, 2.40 at 17 h, on a Wednesday of factor 0.92."""
    wednesday = MONDAY + 2 * 1440

    assert demand_factor(wednesday + 4 * 60 + 30, Curve.CALIBRATED) == pytest.approx(0.03 * 0.92)
    assert demand_factor(wednesday + 17 * 60 + 30, Curve.CALIBRATED) == pytest.approx(2.40 * 0.92)


def test_a_week_has_mean_demand() -> None:
    """The curves shape demand and leave its amount alone."""
    assert fmean(demand_factor(MONDAY + m, Curve.CALIBRATED) for m in range(7 * 1440)) == pytest.approx(1.0, abs=1e-3)


def test_the_clamped_curve_stays_between_a_half_and_one_point_six() -> None:
    """Whoever starts the demo at 04 h sees orders; weekday factors still apply."""
    factors = [demand_factor(MONDAY + minute, Curve.CLAMPED) for minute in range(1440)]

    assert min(factors) == pytest.approx(0.5 * 0.96)
    assert max(factors) == pytest.approx(1.6 * 0.96)


def test_the_number_of_orders_is_the_wanted_rate(draws) -> None:
    """One a second, within four standard deviations of a Poisson count."""
    assert abs(len(draws) - 10_800) < 4 * 10_800**0.5


def test_a_minute_can_be_drawn_without_the_minutes_before_it(dimensions, demand) -> None:
    """A new object that never saw another minute draws the same orders."""
    demand.draws(MONDAY + 5)

    assert Demand(ShopConfig(SEED, 1.0, Curve.FLAT), dimensions, 1).draws(MONDAY + 9) == demand.draws(MONDAY + 9)


def test_the_count_of_a_minute_is_known_without_its_orders(demand) -> None:
    """`count` looks at one number, `draws` at all."""
    minutes = range(MONDAY, MONDAY + 50)

    assert [demand.count(minute) for minute in minutes] == [len(demand.draws(minute)) for minute in minutes]


def test_two_parts_of_a_shop_have_different_customers(dimensions, demand) -> None:
    """The substream number separates them, or a resumed shop would repeat its orders."""
    assert Demand(ShopConfig(SEED, 1.0, Curve.FLAT), dimensions, 2).draws(MONDAY) != demand.draws(MONDAY)


def test_baskets_have_one_to_five_lines_and_two_and_a_half_on_average(draws) -> None:
    """The documented basket sizes."""
    lines = [draw.lines for draw in draws]

    assert set(lines) == {1, 2, 3, 4, 5}
    assert fmean(lines) == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize(("products", "measured"), [(5, 0.32), (50, 0.72), (100, 0.86)])
def test_few_products_make_most_of_the_lines(draws, products: int, measured: float) -> None:
    """Top 1 %, 10 %, 20 % of the products have the measured share of the lines, within four points."""
    counts = Counter(product for draw in draws for product in draw.products)
    top = sum(count for _, count in counts.most_common(products)) / counts.total()

    assert top == pytest.approx(measured, abs=0.04)


def test_a_fifth_of_the_customers_places_half_of_the_orders() -> None:
    """Measured: 53 % of the baskets; and they come back."""
    weights = np.sort(user_weights(SEED, 5_000))[::-1]

    assert weights[:1000].sum() == pytest.approx(0.53, abs=0.03)


def test_most_orders_come_from_returning_customers(draws) -> None:
    """In three hours many customers order more than once."""
    counts = Counter(draw.user_id for draw in draws)

    assert sum(count for count in counts.values() if count > 1) / len(draws) > 0.7


def test_basket_values_have_the_measured_spread(draws, dimensions) -> None:
    """The 90th percentile is about four times the median (measured: 4.06)."""
    prices = {product["_id"]: product["price_cents"] for product in dimensions.products}
    values = [
        sum(prices[p] * q for p, q in zip(draw.products[: draw.lines], draw.quantities, strict=False)) for draw in draws
    ]

    assert 3.0 < quantiles(values, n=10)[-1] / median(values) < 5.0


def test_a_demand_incident_multiplies_demand_for_its_time(dimensions) -> None:
    """Threefold for ten minutes, ordinary after."""
    incident = Incident(IncidentKind.DEMAND, MONDAY * MINUTE_MS, (MONDAY + 10) * MINUTE_MS, 3.0)
    demand = Demand(ShopConfig(SEED, 10.0, Curve.FLAT, incidents=(incident,)), dimensions, 1)
    inside, after = (sum(demand.count(MONDAY + base + m) for m in range(10)) for base in (0, 10))

    assert inside == pytest.approx(18_000, rel=0.05)
    assert after == pytest.approx(6_000, rel=0.07)
