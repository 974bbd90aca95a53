"""What the reconciliation found, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecom_platform.kafka.held import Held, held_sentence

FIRST: Final = 20
"""How many ids of a difference are named."""

_MARK: Final = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True, slots=True)
class Equation:
    """One thing that must be true. `holds` is None when it could not be asked; `detail` has the numbers or the why."""

    name: str
    holds: bool | None
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """The equation as JSON can hold it."""
        return {"name": self.name, "holds": self.holds, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Report:
    """All equations, at one instant of the store.

    Attributes:
        lag: events of the topic that are not yet accounted for.
        pending: events of the ledger that are not.
        held: those events of the topic that an open transaction keeps from being read.
    """

    equations: tuple[Equation, ...]
    lag: int
    pending: int
    held: tuple[Held, ...] = ()

    @property
    def holds(self) -> bool:
        """True when no equation is broken; one that could not be asked does not break it."""
        return all(equation.holds is not False for equation in self.equations)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it; `held_back` counts those events of `lag` that cannot be read yet."""
        return {
            "holds": self.holds,
            "lag": self.lag,
            "pending": self.pending,
            "held_back": sum(one.events for one in self.held),
            "equations": [equation.to_dict() for equation in self.equations],
        }

    def render(self) -> str:
        """The report as a person reads it: one line per equation, the verdict last."""
        lines = [f"{_MARK[equation.holds]} {equation.name}: {equation.detail}" for equation in self.equations]
        broken = sum(equation.holds is False for equation in self.equations)
        waiting = f" {self.lag:,} events are not yet applied. {held_sentence(self.held)}".rstrip() if self.lag else ""
        verdict = f"{broken} of {len(lines)} equations do not hold." if broken else "Everything adds up."
        return "\n".join([*lines, f"{verdict}{waiting}"])


class Differences:
    """Counts one kind of difference and keeps the first ids."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, ids: Sequence[object]) -> None:
        """Count the ids."""
        self.count += len(ids)
        self.first.extend(str(id_) for id_ in ids[: FIRST - len(self.first)])

    def __str__(self) -> str:
        return f"{self.count:,} ({first_of(self.first, self.count)})"


def first_of(ids: Sequence[object] | Iterable[object], count: int) -> str:
    """Name the first ids of `count`: `4711, 4712 and 3 more`."""
    named = [str(id_) for id_, _ in zip(ids, range(FIRST), strict=False)]
    rest = count - len(named)
    return ", ".join(named) + (f" and {rest:,} more" if rest > 0 else "")
