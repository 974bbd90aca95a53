"""Who orders what, when: the orders of any minute, drawn from (seed, shop, minute) alone.

A minute can be generated without the minutes before it, and its number of orders without its orders; the demo uses
both to start live orders before two days of history are written.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecom_platform.simulator.calibration import (
    HOUR_FACTORS,
    LINE_SHARES,
    PAYMENT_SHARES,
    PROMISES,
    QUANTITY_SHARES,
    WEEKDAY_FACTORS,
    Floats,
    product_weights,
    user_weights,
)
from ecom_platform.simulator.config import MINUTE_MS, Curve, IncidentKind, ShopConfig
from ecom_platform.simulator.dimensions import Dimensions

# More candidates than the longest basket, because a product drawn twice counts once.
CANDIDATES = 8
LOCAL_SHARE = 0.85  # of orders are served by the warehouse of the customer's city
_HOUR_CENTRES = np.arange(-1, 25) + 0.5
_HOUR_VALUES = np.array([HOUR_FACTORS[-1], *HOUR_FACTORS, HOUR_FACTORS[0]])
_PROMISE_MS = np.array([hours * 3_600_000 for hours, _ in PROMISES])


class DemandDraw(NamedTuple):
    """An order as the customer wants it; stock decides what comes of it. Times in milliseconds."""

    time_ms: int
    user_id: int
    warehouse_id: int
    courier_slot: int
    lines: int
    products: list[int]
    quantities: list[int]
    payment: int
    discount_permille: int
    promise_ms: int
    handling: float  # standard normal: how long until it ships
    delay: float  # standard normal: how early or late it arrives
    fate: float  # uniform: cancelled, returned or neither
    when: float  # uniform: at which point of its way
    forced: float  # uniform: whether an incident puts a product into the basket


def demand_factor(minute: int, curve: Curve) -> float:
    """Return demand at a minute (since 1970, UTC) relative to its mean."""
    if curve is Curve.FLAT:
        return 1.0
    hour = minute % 1440 / 60
    factor = float(np.interp(hour, _HOUR_CENTRES, _HOUR_VALUES))
    if curve is Curve.CLAMPED:
        factor = min(max(factor, 0.5), 1.6)
    return factor * WEEKDAY_FACTORS[(minute // 1440 + 3) % 7]  # 1970-01-01 was a Thursday


class Demand:
    """The customers of one shop. `substream` separates shops of the same seed that live through the same minutes."""

    def __init__(self, config: ShopConfig, dimensions: Dimensions, substream: int) -> None:
        self._config = config
        self._substream = substream
        self._users = _cumulated(user_weights(config.seed, len(dimensions.users)))
        self._user_ids = np.array([user["_id"] for user in dimensions.users])
        self._products = _cumulated(product_weights(config.seed, len(dimensions.products)))
        self._product_ids = np.array([product["_id"] for product in dimensions.products])
        self._warehouse_ids = np.array([warehouse["_id"] for warehouse in dimensions.warehouses])
        cities = {city: index for index, city in enumerate(dict.fromkeys(user["city"] for user in dimensions.users))}
        self._homes = np.array([cities[user["city"]] % len(self._warehouse_ids) for user in dimensions.users])
        self._demand_incidents = [one for one in config.incidents if one.kind is IncidentKind.DEMAND]

    def count(self, minute: int) -> int:
        """Return how many orders customers want in a minute."""
        return self._draw_count(self._random(minute), minute)

    def draws(self, minute: int) -> list[DemandDraw]:
        """Return the orders wanted in a minute, in time order."""
        random = self._random(minute)
        count = self._draw_count(random, minute)
        if not count:
            return []
        times = np.sort(random.integers(0, MINUTE_MS, count)) + minute * MINUTE_MS
        uniform = random.random((12, count))
        normal = random.standard_normal((2, count))
        users = _pick(self._users, uniform[0])
        away = (uniform[2] * len(self._warehouse_ids)).astype(np.int64)
        warehouses = np.where(uniform[1] < LOCAL_SHARE, self._homes[users], away)
        discounted = uniform[7] < 0.25
        columns = (
            times,
            self._user_ids[users],
            self._warehouse_ids[warehouses],
            (uniform[3] * 1_000).astype(np.int64),
            _pick(_LINES, uniform[4]) + 1,
            self._product_ids[_pick(self._products, random.random((count, CANDIDATES)))],
            _pick(_QUANTITIES, random.random((count, CANDIDATES))) + 1,
            _pick(_PAYMENTS, uniform[5]),
            np.where(discounted, 50 + (uniform[8] * 6).astype(np.int64) * 50, 0),
            _PROMISE_MS[_pick(_PROMISES, uniform[6])],
            normal[0],
            normal[1],
            uniform[9],
            uniform[10],
            uniform[11],
        )
        return list(map(DemandDraw._make, zip(*(column.tolist() for column in columns), strict=True)))

    def _random(self, minute: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self._config.seed, minute | self._substream << 33]))

    def _draw_count(self, random: np.random.Generator, minute: int) -> int:
        mean = self._config.orders_per_second * 60 * demand_factor(minute, self._config.curve)
        for incident in self._demand_incidents:
            overlap = min(incident.to_ms, (minute + 1) * MINUTE_MS) - max(incident.from_ms, minute * MINUTE_MS)
            mean *= 1 + (incident.factor - 1) * max(0, overlap) / MINUTE_MS
        return int(random.poisson(mean))


def _cumulated(weights: Floats) -> Floats:
    return np.asarray(np.cumsum(weights)[:-1], dtype=np.float64)


def _pick(cumulated: Floats, uniform: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the index of the share each uniform number falls into."""
    return np.searchsorted(cumulated, uniform, side="right")


_LINES = _cumulated(np.array(LINE_SHARES))
_QUANTITIES = _cumulated(np.array(QUANTITY_SHARES))
_PAYMENTS = _cumulated(np.array(PAYMENT_SHARES))
_PROMISES = _cumulated(np.array([share for _, share in PROMISES]))
