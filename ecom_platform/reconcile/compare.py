"""Hold the stored orders and dead letters against what the ledger expects. Pure; facts come in batches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ecom_platform.reconcile.expected import STATUS_CODES, Expectation, absent, place_name
from ecom_platform.reconcile.report import FIRST, Differences, Equation, first_of
from ecom_platform.store import Counters

Ints = npt.NDArray[np.int64]


class OrderComparison:
    """Compares stored orders with those of the ledger."""

    def __init__(self, expectation: Expectation) -> None:
        self._orders = expectation.orders
        self._seen = np.zeros(len(self._orders.ids), dtype=bool)
        self.unknown = Differences()
        self.wrong: dict[str, Differences] = {
            name: Differences() for name in ("another total", "another status", "steps missing", "steps too many")
        }

    def add(self, ids: Ints, total_cents: Ints, status_codes: Ints, events: Ints) -> None:
        """Take a batch of stored orders; the columns have one row per order."""
        orders = self._orders
        row = np.searchsorted(orders.ids, ids)
        known = row < len(orders.ids)
        known[known] = orders.ids[row[known]] == ids[known]
        self.unknown.add(ids[~known].tolist())
        row, ids = row[known], ids[known]
        self._seen[row] = True
        found_status = np.left_shift(1, status_codes[known])
        # Of an order that another ledger placed, this one knows a part only.
        whole = orders.total_cents[row] >= 0
        for name, differs in (
            ("another total", total_cents[known] != orders.total_cents[row]),
            ("another status", orders.statuses[row] & found_status == 0),
            ("steps missing", events[known] < orders.events_least[row]),
            ("steps too many", events[known] > orders.events_most[row]),
        ):
            self.wrong[name].add(ids[whole & differs].tolist())

    def missing(self) -> Ints:
        """Orders whose placement is sure and that are not stored."""
        return self._orders.ids[self._orders.placed & ~self._seen]


class DeadComparison:
    """Compares stored dead letters with those of the ledger."""

    def __init__(self, expectation: Expectation) -> None:
        self._positions = expectation.dead_positions
        self._reasons = expectation.dead_reasons
        self._seen = np.zeros(len(self._positions), dtype=bool)
        self.found: dict[str, int] = {}
        self.wrong = Differences()

    def add(self, place: int, id_: str, reason: str) -> None:
        """Take one stored dead letter."""
        self.found[reason] = self.found.get(reason, 0) + 1
        row = int(np.searchsorted(self._positions, place))
        if row < len(self._positions) and self._positions[row] == place:
            self._seen[row] = True
            if self._reasons[row] != reason:
                self.wrong.add([f"{id_} {reason} instead of {self._reasons[row]}"])

    def missing(self) -> Ints:
        """Positions of dead letters that are expected and not stored."""
        return self._positions[~self._seen]


def status_code(status: str) -> int:
    """The code of a stored status; one that the contract does not know gets the code after the last."""
    return STATUS_CODES.get(status, len(STATUS_CODES))


def ledger_equations(
    expectation: Expectation,
    orders: OrderComparison,
    dead: DeadComparison,
    counted: Counters,
    *,
    read: int,
    end: Mapping[int, int],
    refused: Mapping[int, str],
) -> list[Equation]:
    """The equations of ledger = topic = facts.

    Args:
        expectation: the ledger, folded.
        orders: fed with every stored order.
        dead: fed with every stored dead letter.
        counted: the stream's counters, summed over partitions.
        read: events that the stream is past, by its offsets.
        end: of the topic, by partition, read after the ledger.
        refused: reason by order, for missing orders whose events became dead letters.
    """
    foreign = read - expectation.sure
    alone = foreign <= expectation.maybe
    return [
        _topic_equation(expectation, foreign, end, alone=alone),
        _presence_equation(expectation, orders, refused),
        _content_equation(expectation, orders, alone=alone),
        _stranger_equation(orders, foreign, alone=alone),
        _dead_equation(expectation, dead, alone=alone),
        _count_equation("duplicates", expectation.duplicate, counted.duplicate, expectation.tolerance, alone=alone),
        _count_equation("applied", expectation.applied, counted.applied, expectation.tolerance, alone=alone),
    ]


def _topic_equation(expectation: Expectation, foreign: int, end: Mapping[int, int], *, alone: bool) -> Equation:
    name = "ledger = topic"
    lost = absent(expectation.pending_positions, end)
    if len(lost):
        some = first_of(map(place_name, lost[:FIRST].tolist()), len(lost))
        return Equation(name, False, f"{len(lost):,} acknowledged events never in the topic: {some}")
    if expectation.doubled:
        return Equation(name, False, f"{expectation.doubled:,} acknowledged events share an offset with another one")
    if foreign < 0:
        return Equation(name, False, f"the ledger has {-foreign:,} events more than the stream read from the topic")
    numbers = f"{expectation.sure:,} read by the stream, {expectation.pending:,} pending"
    doubt = f", {expectation.maybe:,} without an answer" if expectation.maybe else ""
    others = "" if alone else f"; {foreign:,} events in the topic are of other producers"
    return Equation(name, True, f"{numbers}{doubt}{others}")


def _presence_equation(expectation: Expectation, orders: OrderComparison, refused: Mapping[int, str]) -> Equation:
    name = "acknowledged orders = facts"
    missing, placed = orders.missing(), int(expectation.orders.placed.sum())
    if not len(missing):
        return Equation(name, True, f"{placed:,} orders, each stored once")
    lost = missing[~np.isin(missing, list(refused))]
    stages = []
    if refused:
        named = (f"{id_} {reason}" for id_, reason in refused.items())
        stages.append(f"in the topic but not applied, dead letters: {first_of(named, len(refused))}")
    if len(lost):
        stages.append(f"applied but not stored: {first_of(lost[:FIRST], len(lost))}")
    return Equation(name, False, f"{len(missing):,} of {placed:,} acknowledged orders are missing; {'; '.join(stages)}")


def _content_equation(expectation: Expectation, orders: OrderComparison, *, alone: bool) -> Equation:
    broken = [f"{name}: {found}" for name, found in orders.wrong.items() if found.count]
    if broken:
        # An id that two use is applied once, as the first said; the other's order is a duplicate.
        others = "" if alone else "; other producers write to the topic, perhaps orders with the same ids"
        detail = f"in the topic but not applied as sent. {'; '.join(broken)}{others}"
        return Equation("content of orders", False, detail)
    return Equation("content of orders", True, f"total, steps and status of {len(expectation.orders.ids):,} orders")


def _stranger_equation(orders: OrderComparison, foreign: int, *, alone: bool) -> Equation:
    name = "no order from nowhere"
    if not alone:
        return Equation(name, None, f"not asked: {foreign:,} events in the topic are of other producers")
    if orders.unknown.count:
        return Equation(name, False, f"stored, but in no ledger: {orders.unknown}")
    return Equation(name, True, "every stored order is in the ledger")


def _dead_equation(expectation: Expectation, dead: DeadComparison, *, alone: bool) -> Equation:
    name = "ledger = dead letters"
    missing = dead.missing()
    if len(missing):
        places = map(place_name, missing[:FIRST].tolist())
        return Equation(name, False, f"{len(missing):,} expected, not stored: {first_of(places, len(missing))}")
    if dead.wrong.count:
        return Equation(name, False, f"another reason than expected: {dead.wrong}")
    surplus = {reason: count - expectation.dead.get(reason, 0) for reason, count in dead.found.items()}
    if alone and sum(surplus.values()) > expectation.tolerance:
        named = ", ".join(f"{reason} {count:+,}" for reason, count in sorted(surplus.items()) if count)
        return Equation(name, False, f"more than the ledger expects: {named}")
    return Equation(name, True, _by_reason(expectation.dead))


def _by_reason(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items())) or "none expected, none found"


def _count_equation(name: str, expected: int, counted: int, tolerance: int, *, alone: bool) -> Equation:
    """The counter may exceed the ledger by events in doubt, and by those of other producers."""
    most = expected + tolerance if alone else counted
    least = expected - tolerance if name == "applied" else expected
    detail = f"{expected:,} expected, {counted:,} counted"
    if tolerance and counted != expected:
        detail += f" ({tolerance:,} in doubt)"
    return Equation(f"ledger = {name}", least <= counted <= most, detail)
