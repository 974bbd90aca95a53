"""What the facts must be, folded from the ledger of the simulator. Pure, and small for millions of events.

An event is *sure* when the broker acknowledged it and the stream is past its offset; *pending* when it was acknowledged
and the stream is not there yet, or set it aside until its order is back from the archive; *maybe* when the outcome is
unknown: it may be in the topic or not, and both are right.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecom_platform.contract import EventType, Reason, Status
from ecom_platform.store import PartitionOffsets

DEAD: Final = "dead:"
SURE, PENDING, MAYBE = "sure", "pending", "maybe"

# In the order of the life of an order: of several steps, the furthest is its status.
STATUS_CODES: Final[Mapping[str, int]] = {status.value: code for code, status in enumerate(Status)}
_CANCELLED = STATUS_CODES[Status.CANCELLED]
_JUDGED_BY_ORDER = Reason.ORDER_TIME_MISMATCH.value  # of an order that was never stored it would be another reason
_UNNAMED_STEP = 0b01110  # a step that the ledger does not name: Shipped, Delivered or Returned
_POSITION_BITS = 40

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class LedgerEvent(NamedTuple):
    """One attempted message. `step` is the delivery status it reports, None where the ledger does not say."""

    event_type: str
    event_id: str
    order_id: int | None
    step: str | None
    total_cents: int | None
    expected: str
    acked: bool
    partition: int | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class ExpectedOrders:
    """One row per order that the ledger names, sorted by `ids`.

    Attributes:
        placed: a placement is sure, so the order must exist; else it may.
        total_cents: of the order.
        events_least, events_most: how many events its history may hold.
        statuses: bit n is set when the status of code n is right.
    """

    ids: Ints
    placed: Bools
    total_cents: Ints
    events_least: Ints
    events_most: Ints
    statuses: Ints


@dataclass(frozen=True, slots=True)
class Expectation:
    """The ledger, folded.

    Attributes:
        sure, pending, maybe: events of each kind; `slack` of the sure ones may have had another outcome, or another
            reason, because an earlier event of the same order is in doubt.
        applied, duplicate: sure events with these outcomes, counted by the identity of the event.
        dead: sure events per reason; `dead_positions` (sorted, see `position`) with `dead_reasons` beside them.
        pending_positions: of the pending events; the topic must hold every one of them.
        doubled: acknowledged events that share an offset with another one.
    """

    orders: ExpectedOrders
    sure: int
    pending: int
    maybe: int
    slack: int
    applied: int
    duplicate: int
    dead: Mapping[str, int]
    dead_positions: Ints
    dead_reasons: tuple[str, ...]
    pending_positions: Ints
    doubled: int

    @property
    def tolerance(self) -> int:
        """By how many events a count may differ because their outcome is in doubt."""
        return self.maybe + self.slack


def position(partition: int, offset: int) -> int:
    """Partition and offset as one number that sorts."""
    return partition << _POSITION_BITS | offset


def place_name(place: int) -> str:
    """A position as a person reads it: `partition-offset`."""
    return f"{place >> _POSITION_BITS}-{place & (1 << _POSITION_BITS) - 1}"


def absent(positions: Ints, end: Mapping[int, int]) -> Ints:
    """Those of the positions that a topic which ends there does not hold."""
    inside = np.zeros(len(positions), dtype=bool)
    for partition, offset in end.items():
        inside |= (positions >= position(partition, 0)) & (positions < position(partition, offset))
    return positions[~inside]


class _Columns:
    """Valid events of orders, column by column: a million of them take 26 MB, as objects they would take 300."""

    def __init__(self) -> None:
        self.order_id = array("q")
        self.event = array("q")
        self.step = array("b")
        self.sure = array("b")
        self.total_cents = array("q")

    def add(self, order_id: int, event: LedgerEvent, *, sure: bool) -> None:
        """Append an event of an order."""
        self.order_id.append(order_id)
        self.event.append(hash(event.event_id))
        self.step.append(_step_bits(event))
        self.sure.append(sure)
        self.total_cents.append(-1 if event.total_cents is None else event.total_cents)


class _Fold:
    def __init__(self, stored: Mapping[int, PartitionOffsets], waiting: Collection[int]) -> None:
        self._waiting = waiting
        self._next = {partition: part.next for partition, part in stored.items()}
        self.columns = _Columns()
        self.stock = array("q")
        self.dead: dict[int, str] = {}
        self.judged: dict[int, int] = {}
        self.positions = array("q")
        self.counts: Counter[str] = Counter()
        self.pending = array("q")

    def add(self, event: LedgerEvent) -> None:
        """Take one attempt."""
        place = self._place(event)
        if place is None:
            self.counts[MAYBE] += 1
            self._keep(event, sure=False)
            return
        partition, offset = place
        number = position(partition, offset)
        if offset >= self._next.get(partition, 0) or number in self._waiting:
            self.counts[PENDING] += 1
            self.pending.append(number)
        else:
            self.counts[SURE] += 1
            self.positions.append(number)
            self._keep(event, sure=True)

    def _keep(self, event: LedgerEvent, *, sure: bool) -> None:
        if event.expected.startswith(DEAD):
            if sure:
                reason = event.expected.removeprefix(DEAD)
                self.dead[self.positions[-1]] = reason
                if reason == _JUDGED_BY_ORDER and event.order_id is not None:
                    self.judged[self.positions[-1]] = event.order_id
        elif event.order_id is not None:
            self.columns.add(event.order_id, event, sure=sure)
        elif sure:
            self.stock.append(hash(event.event_id))

    @staticmethod
    def _place(event: LedgerEvent) -> tuple[int, int] | None:
        if not event.acked or event.partition is None or event.offset is None:
            return None
        return event.partition, event.offset


def fold_ledger(
    events: Iterable[LedgerEvent], stored: Mapping[int, PartitionOffsets], waiting: Collection[int] = ()
) -> Expectation:
    """Fold the ledger into what must be found.

    Args:
        events: every attempt, in any order.
        stored: what the stream recorded.
        waiting: positions of late events that are not yet applied.
    """
    fold = _Fold(stored, waiting)
    for event in events:
        fold.add(event)
    columns = fold.columns
    sure = np.frombuffer(columns.sure, dtype=np.int8).astype(bool)
    event_ids = np.frombuffer(columns.event, dtype=np.int64)
    orders, slack = _orders(columns, sure, event_ids)
    slack += _drop_doubtful(fold, orders)
    applied = len(np.unique(event_ids[sure])) + len(set(fold.stock))
    positions = np.frombuffer(fold.positions, dtype=np.int64)
    dead_positions = sorted(fold.dead)
    return Expectation(
        orders=orders,
        sure=fold.counts[SURE],
        pending=fold.counts[PENDING],
        maybe=fold.counts[MAYBE],
        slack=slack,
        applied=applied,
        duplicate=int(sure.sum()) + len(fold.stock) - applied,
        dead=dict(Counter(fold.dead.values())),
        dead_positions=np.array(dead_positions, dtype=np.int64),
        dead_reasons=tuple(fold.dead[place] for place in dead_positions),
        pending_positions=np.frombuffer(fold.pending, dtype=np.int64),
        doubled=len(positions) - len(np.unique(positions)),
    )


def _drop_doubtful(fold: _Fold, orders: ExpectedOrders) -> int:
    """Expect no certain reason where it depends on an order whose placement is in doubt; returns how many these are."""
    sure = set(orders.ids[orders.placed].tolist()) if fold.judged else set()
    doubtful = [place for place, order_id in fold.judged.items() if order_id not in sure]
    for place in doubtful:
        del fold.dead[place]
    return len(doubtful)


def _orders(columns: _Columns, sure: Bools, event_ids: Ints) -> tuple[ExpectedOrders, int]:
    """One row per order, and how many sure events belong to orders whose placement is not sure."""
    order_ids = np.frombuffer(columns.order_id, dtype=np.int64)
    steps = np.frombuffer(columns.step, dtype=np.int8).astype(np.int64)
    totals = np.frombuffer(columns.total_cents, dtype=np.int64)
    ids, row = np.unique(order_ids, return_inverse=True)
    count = len(ids)

    placed = np.zeros(count, dtype=bool)
    placed[row[sure & (steps == 1)]] = True
    total_cents = np.full(count, -1, dtype=np.int64)
    np.maximum.at(total_cents, row, totals)

    furthest = np.zeros(count, dtype=np.int64)
    named = sure & (steps != _UNNAMED_STEP)
    np.maximum.at(furthest, row[named], steps[named])
    statuses = np.maximum(furthest, 1)
    np.bitwise_or.at(statuses, row[~named], steps[~named])

    least = _distinct(row[sure], event_ids[sure], count)
    expected = ExpectedOrders(ids, placed, total_cents, least, _distinct(row, event_ids, count), statuses)
    return expected, int((sure & ~placed[row]).sum())


def _distinct(row: Ints, event_ids: Ints, count: int) -> Ints:
    """Distinct events per row."""
    pairs = np.unique(np.stack([row, event_ids]), axis=1) if len(row) else np.zeros((2, 0), dtype=np.int64)
    return np.bincount(pairs[0], minlength=count)


def _step_bits(event: LedgerEvent) -> int:
    if event.event_type == EventType.ORDER_PLACED:
        return 1
    if event.event_type == EventType.ORDER_CANCELLED:
        return 1 << _CANCELLED
    return _UNNAMED_STEP if event.step is None else 1 << STATUS_CODES[event.step]
