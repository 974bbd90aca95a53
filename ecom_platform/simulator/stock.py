"""The shelves: finite units of every product in every warehouse, sold only while they last, and restocked.

A shelf counts what may still be promised: opening + received - taken by orders + given back by cancellations and
returns. It falls below zero only where an incident sells without looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ecom_platform.simulator.dimensions import Dimensions


class Shelves(Struct):
    """Units by pair; pair = (warehouse index) * products + (product index), both from 0 in the dimensions' order."""

    units: list[int]
    targets: list[int]
    reorder_points: list[int]
    on_order: set[int]

    @classmethod
    def opening(cls, dimensions: Dimensions) -> Shelves:
        """The shelves of a shop that opens; the rows of `inventory` come warehouse by warehouse."""
        units = [row["opening"] for row in dimensions.inventory]
        return cls(units, list(units), [row["reorder_point"] for row in dimensions.inventory], set())

    def take(self, pair: int, wanted: int) -> int:
        """Take up to `wanted` units and return how many there were."""
        taken = min(wanted, self.units[pair])
        if taken <= 0:
            return 0
        self.units[pair] -= taken
        return taken

    def put_back(self, lines: Iterable[Sequence[int]]) -> None:
        """Return the (pair, units) lines of a cancelled or returned order to their shelves."""
        for pair, units in lines:
            self.units[pair] += units

    def reorder(self, pair: int) -> int:
        """Return how many units to order now: 0 above the reorder point or while an order is under way."""
        if self.units[pair] >= self.reorder_points[pair] or pair in self.on_order:
            return 0
        self.on_order.add(pair)
        return max(1, self.targets[pair] - self.units[pair])

    def receive(self, pair: int, ordered: int) -> int:
        """Put a delivery on the shelf and return its units: what was ordered, or more up to the target."""
        units = max(ordered, self.targets[pair] - self.units[pair])
        self.units[pair] += units
        self.on_order.discard(pair)
        return units

    def split(self, share: float) -> Shelves:
        """Take `share` of every shelf away into new shelves.

        Two parts of one shop sell side by side from their own shelves; the sum is never oversold by that.
        """
        parts = [max(0, int(units * share)) for units in self.units]
        targets = [int(units * share) for units in self.targets]
        points = [int(units * share) for units in self.reorder_points]
        for pair, units in enumerate(parts):
            self.units[pair] -= units
            self.targets[pair] -= targets[pair]
            self.reorder_points[pair] -= points[pair]
        return Shelves(parts, targets, points, set())

    def merge(self, other: Shelves) -> None:
        """Take over everything from `other`."""
        for pair, units in enumerate(other.units):
            self.units[pair] += units
            self.targets[pair] += other.targets[pair]
            self.reorder_points[pair] += other.reorder_points[pair]
        self.on_order |= other.on_order
