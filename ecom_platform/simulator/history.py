"""How the past is filled in beside live orders, and what may be said of it meanwhile.

The newest hours come first, and every order with all steps that it has taken by now: what is in the figures is then
true from some instant on, and that instant moves back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ecom_platform.simulator.config import MINUTE_MS

HISTORY_LAG = 8_000  # the lag sensor fires at 10,000; live orders and one batch fit in between
HISTORY_BATCH = 500

_NEWEST_MINUTES = 4 * 60
_HOUR = 60


class LoadState(Struct, frozen=True):
    """How far the loading is.

    `share` of the history is written (0 to 1); every order placed from `known_from_ms` on is in the figures, in the
    state it is in (None: every order there is, nothing is being loaded); `first_order_id` is the first order that this
    start sold live, once it was sent.
    """

    share: float
    known_from_ms: int | None
    first_order_id: int | None = None


Report = Callable[[LoadState], None]
"""Is told about once a second; must return at once and may fail for no reason of its own."""


class Stretch(Protocol):
    """A part of the past, in minutes since 1970; `share` of it is written."""

    start_minute: int
    end_minute: int

    @property
    def share(self) -> float:
        """0 to 1."""


def history_allowance(behind: int | None) -> int:
    """Return how many messages of history may be sent now; nothing while it is unknown how far the stream is."""
    return 0 if behind is None else max(0, min(HISTORY_BATCH, HISTORY_LAG - behind))


def newest_stretch(start_minute: int, now_minute: int) -> int | None:
    """Return where the part of the past begins that is written first: a whole hour, four to five hours before now.

    None: the past is not much longer than that, and one part.
    """
    begins = (now_minute - _NEWEST_MINUTES) // _HOUR * _HOUR
    return begins if begins > start_minute + _HOUR else None


class HistoryProgress:
    """What of the past is in the figures: what the stream has applied, which comes some seconds after it was sent."""

    def __init__(self, backlog: Sequence[Stretch]) -> None:
        """Take the stretches that are to be written, the newest first."""
        self._minutes = _minutes_left(backlog)
        self._sent: deque[tuple[Mapping[int, int], int | None]] = deque()
        self._known_from_ms = _known_from_ms(backlog)

    def sent(self, backlog: Sequence[Stretch], ends: Mapping[int, int]) -> None:
        """A stretch is in Kafka whole, before these offsets; `backlog` is what is left to be written."""
        self._sent.append((dict(ends), _known_from_ms(backlog)))

    def applied(self, published: Mapping[int, int]) -> None:
        """The stream has applied everything before these offsets."""
        while self._sent and all(published.get(one, 0) >= end for one, end in self._sent[0][0].items()):
            self._known_from_ms = self._sent.popleft()[1]

    def state(self, backlog: Sequence[Stretch], first_order_id: int | None) -> LoadState:
        """What there is to tell; the share is whole only when everything was applied."""
        if self._known_from_ms is None:
            return LoadState(1.0, None, first_order_id)
        written = 1 - _minutes_left(backlog) / self._minutes if self._minutes else 0.0
        return LoadState(min(written, 0.99), self._known_from_ms, first_order_id)


def _minutes_left(backlog: Sequence[Stretch]) -> float:
    return sum((one.end_minute - one.start_minute) * (1 - one.share) for one in backlog)


def _known_from_ms(backlog: Sequence[Stretch]) -> int | None:
    """Everything after the newest stretch that is not written is there."""
    return backlog[0].end_minute * MINUTE_MS if backlog else None
