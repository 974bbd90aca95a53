"""The figures behaviour is calibrated on, and where they come from.

Product skew, weekday and hour factors, basket value and customer skew were measured on 155,848 real baskets of a US
retailer (Complete Journey, 2017); docs/decisions/009-simulated-shop.md says what was chosen instead.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Mean 1; the extremes are the measured ones (04 h and 17 h).
HOUR_FACTORS = (
    0.25, 0.12, 0.06, 0.04, 0.03, 0.08, 0.22, 0.45, 0.70, 0.95, 1.18, 1.38,
    1.52, 1.58, 1.66, 1.85, 2.20, 2.40, 2.22, 1.75, 1.30, 0.95, 0.66, 0.45,
)  # fmt: skip
# Monday first, mean 1; Wednesday, Saturday and Sunday are the measured ones.
WEEKDAY_FACTORS = (0.96, 0.94, 0.92, 0.95, 0.98, 1.11, 1.14)
# Share of baskets with 1, 2, 3, 4, 5 lines: mean 2.5.
LINE_SHARES = (0.28, 0.28, 0.20, 0.14, 0.10)
# Share of lines with 1, 2, 3, 4 units: mean 1.28.
QUANTITY_SHARES = (0.80, 0.14, 0.04, 0.02)
# Cash, Credit Card, Debit Card, Wallet.
PAYMENT_SHARES = (0.16, 0.44, 0.24, 0.16)
# Promised hours and the share of orders that get each promise.
PROMISES = ((4, 0.25), (6, 0.35), (8, 0.25), (24, 0.15))
# The shape (p90 ÷ median of the basket value near 4) is measured, the scale is an online shop's.
PRICE_MEDIAN_CENTS = 1_900
PRICE_SIGMA = 1.25
# Rank-frequency curve (rank + 3)^-1.35: of 500 products the top 1 %, 10 %, 20 % make 32 %, 75 %, 84 % of the lines
# (measured: 32 %, 72 %, 86 %).
_RANK_SHIFT, _RANK_POWER = 3.0, 1.35


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the random numbers of one purpose; streams of different purposes are independent."""
    return np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(purpose.encode()) | 1 << 40]))


@lru_cache(maxsize=8)
def product_weights(seed: int, count: int) -> Floats:
    """Return each product's share of the lines sold, by product id; read-only."""
    weights = (np.arange(1, count + 1) + _RANK_SHIFT) ** -_RANK_POWER
    shuffled = random_stream(seed, "popularity").permutation(weights / weights.sum())
    shuffled.flags.writeable = False
    return shuffled


def user_weights(seed: int, count: int) -> Floats:
    """Return each user's share of the orders: exponential, so that the top 20 % place 52 % of them (measured: 53 %)."""
    weights = random_stream(seed, "users").exponential(size=count)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def city_weights(count: int) -> Floats:
    """Return each city's share of the users, largest first."""
    weights = (np.arange(1, count + 1) + 2.0) ** -0.9
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def normal_quantile(shares: Floats) -> Floats:
    """Return the standard normal quantile of each share."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile(share) for share in shares.tolist()])
