"""How likely a count is by chance alone: the tails of the Poisson distribution."""

from __future__ import annotations

from math import exp, lgamma, log

_NEGLIGIBLE = 1e-18


def at_least(count: int, mean: float) -> float:
    """The probability of `count` or more where `mean` are expected."""
    if count <= mean:
        return 1.0 - at_most(count - 1, mean)
    term = total = _exactly(count, mean)
    while term > _NEGLIGIBLE * total:
        count += 1
        term *= mean / count
        total += term
    return total


def at_most(count: int, mean: float) -> float:
    """The probability of `count` or fewer where `mean` are expected."""
    if count < 0:
        return 0.0
    if count > mean:
        return 1.0 - at_least(count + 1, mean)
    term = total = _exactly(count, mean)
    while count and term > _NEGLIGIBLE * total:
        term *= count / mean
        count -= 1
        total += term
    return min(total, 1.0)


def _exactly(count: int, mean: float) -> float:
    if mean <= 0:
        return 1.0 if count == 0 else 0.0
    return exp(count * log(mean) - mean - lgamma(count + 1))
