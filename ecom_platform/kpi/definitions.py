"""What each figure means: the one text behind the help on screen, the command line and the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["DEFINITIONS", "Basis", "Definition"]


class Basis(StrEnum):
    """The time that decides which range a figure falls into."""

    PLACED = "P"
    DUE = "D"
    STEP = "H"
    NOW = "N"


_BASIS_TEXT = {
    Basis.PLACED: "by the time the order was placed",
    Basis.DUE: "by the promised delivery time",
    Basis.STEP: "by the time of the delivery step",
    Basis.NOW: "now, whatever range is chosen",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure: `key` is stable (JSON, tests), `label` is what screens say, `unit` is that of the stored number."""

    key: str
    label: str
    formula: str
    unit: str
    basis: Basis

    @property
    def help(self) -> str:
        """The sentence shown beside the figure."""
        return f"{self.formula}; counted {_BASIS_TEXT[self.basis]}, in UTC."


_ALL = (
    Definition(
        "revenue",
        "Revenue",
        "Sum of order totals after discount, cancelled orders out (a later cancellation lowers the bucket the order "
        "was placed in), returned orders in",
        "cents",
        Basis.PLACED,
    ),
    Definition("orders", "Orders", "Distinct orders placed, cancelled and returned ones in", "orders", Basis.PLACED),
    Definition(
        "valid_orders", "Valid orders", "Orders placed minus cancelled ones, returned ones in", "orders", Basis.PLACED
    ),
    Definition("booked", "Booked value", "Sum of order totals, cancelled orders in", "cents", Basis.PLACED),
    Definition(
        "average_order_value",
        "Average order value",
        "Revenue divided by valid orders (placed minus cancelled), half a cent rounded up",
        "cents",
        Basis.PLACED,
    ),
    Definition("units", "Units", "Sum of item quantities, cancelled orders out", "units", Basis.PLACED),
    Definition(
        "order_status",
        "Delivered vs pending",
        "Orders placed, by the state they are in now; the five states add up to the orders placed, open = Pending + "
        "Shipped",
        "orders",
        Basis.PLACED,
    ),
    Definition(
        "payment_mix", "Payment mix", "Valid orders (placed minus cancelled) per payment type", "orders", Basis.PLACED
    ),
    Definition(
        "top_products",
        "Top 10 products",
        "Net item sales (after each line's share of the discount), cancelled orders out; ties by product number",
        "cents",
        Basis.PLACED,
    ),
    Definition(
        "late_now",
        "Late now",
        "Open orders (Pending or Shipped) whose promised time has passed; due this very instant is not late",
        "orders",
        Basis.NOW,
    ),
    Definition(
        "on_time_share",
        "On-time share",
        "Orders delivered by the promised time divided by orders due, cancelled orders out; only closed half hours "
        "count, so that an order due a minute ago is not judged yet. Below 30 due orders the share says little",
        "share",
        Basis.DUE,
    ),
)

DEFINITIONS: dict[str, Definition] = {definition.key: definition for definition in _ALL}
