"""How long to wait before trying again: exponential, with a ceiling, forgotten after a healthy period. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace


def delay_seconds(failures: int, first_seconds: float, ceiling_seconds: float) -> float:
    """Seconds to wait after that many failures in a row: 0 after none, then `first` doubled up to `ceiling`."""
    if failures <= 0:
        return 0.0
    # Past this exponent the ceiling is reached whatever `first` is; a float would overflow long after.
    return float(min(ceiling_seconds, first_seconds * 2.0 ** min(failures - 1, 60)))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures in a row of one child; a life of at least `healthy_seconds` makes the next failure the first again."""

    first_seconds: float
    ceiling_seconds: float
    healthy_seconds: float
    failures: int = 0

    def failed(self, lived_seconds: float) -> Backoff:
        """The state after one more failure of a child that lived so long."""
        before = 0 if lived_seconds >= self.healthy_seconds else self.failures
        return replace(self, failures=before + 1)

    @property
    def seconds(self) -> float:
        """Seconds to wait before the next start."""
        return delay_seconds(self.failures, self.first_seconds, self.ceiling_seconds)
