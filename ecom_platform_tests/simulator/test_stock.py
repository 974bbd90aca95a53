"""Shelves: nothing is sold twice, nothing gets lost."""

from __future__ import annotations

from ecom_platform.simulator.stock import Shelves


def test_a_shelf_is_reordered_once_and_filled_up() -> None:
    """Below the reorder point up to the target, and not again while the order is under way."""
    shelves = Shelves([10, 0, 3], [10, 10, 10], [4, 4, 4], set())

    assert [shelves.reorder(0), shelves.reorder(2), shelves.reorder(2)] == [0, 7, 0]

    shelves.take(2, 1)

    assert shelves.receive(2, 7) == 8
    assert shelves.units[2] == 10
    assert not shelves.on_order


def test_a_split_and_a_merge_leave_the_sum_as_it_was() -> None:
    """Two parts sell side by side."""
    shelves = Shelves([100, 40, 8], [100, 40, 8], [30, 10, 2], {1})
    other = shelves.split(0.25)

    assert other.units == [25, 10, 2]
    assert shelves.units == [75, 30, 6]

    shelves.merge(other)

    assert shelves == Shelves([100, 40, 8], [100, 40, 8], [30, 10, 2], {1})
