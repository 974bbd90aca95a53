"""What each figure means: the one text behind the help on screen, the command line and the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
    Basis.NOW: "as it is now; the range does not apply",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure; `label` is what screens say."""

    label: str
    formula: str
    basis: Basis

    @property
    def help(self) -> str:
        """The sentence shown beside the figure."""
        return f"{self.formula}; counted {_BASIS_TEXT[self.basis]}, in UTC."


DEFINITIONS: Final[Mapping[str, Definition]] = {
    "revenue": Definition(
        "Revenue",
        "Sum of order totals after discount, cancelled orders out (a later cancellation lowers the bucket the order "
        "was placed in), returned orders in",
        Basis.PLACED,
    ),
    "orders": Definition("Orders", "Distinct orders placed, cancelled and returned ones in", Basis.PLACED),
    "valid_orders": Definition("Valid orders", "Orders placed minus cancelled ones, returned ones in", Basis.PLACED),
    "booked": Definition("Booked value", "Sum of order totals, cancelled orders in", Basis.PLACED),
    "average_order_value": Definition(
        "Average order value",
        "Revenue divided by valid orders (placed minus cancelled), half a cent rounded up",
        Basis.PLACED,
    ),
    "discount_rate": Definition(
        "Discount rate",
        "Discounts given divided by the value before discount, cancelled orders out",
        Basis.PLACED,
    ),
    "cancelled_rate": Definition(
        "Cancelled rate",
        "Booked value of orders that were cancelled divided by all booked value",
        Basis.PLACED,
    ),
    "returned": Definition(
        "Returned",
        "Sum of the totals of orders that came back; it is not deducted from revenue",
        Basis.PLACED,
    ),
    "category_sales": Definition(
        "Sales by category",
        "Net item sales (after each line's share of the discount), cancelled orders out; over all categories they add "
        "up to revenue",
        Basis.PLACED,
    ),
    "location_sales": Definition(
        "Sales by location",
        "Revenue by the customer's city as it was when the order was placed, cancelled orders out; customers not "
        "described yet are unknown",
        Basis.PLACED,
    ),
    "units": Definition("Units", "Sum of item quantities, cancelled orders out", Basis.PLACED),
    "order_status": Definition(
        "Delivered vs pending",
        "Orders placed, by the state they are in now; the five states add up to the orders placed, open = Pending + "
        "Shipped",
        Basis.PLACED,
    ),
    "payment_mix": Definition("Payment mix", "Valid orders (placed minus cancelled) per payment type", Basis.PLACED),
    "top_products": Definition(
        "Top 10 products",
        "Net item sales (after each line's share of the discount), cancelled orders out; ties by product number",
        Basis.PLACED,
    ),
    "late_now": Definition(
        "Late now",
        "Open orders (Pending or Shipped) whose promised time has passed; due this very instant is not late",
        Basis.NOW,
    ),
    "at_risk": Definition("At risk 2 h", "Orders still Pending that are promised within the next two hours", Basis.NOW),
    "open": Definition("Open", "Orders that are Pending or Shipped, late ones in", Basis.NOW),
    "delay_p50": Definition(
        "Delay, median",
        "Half of the delivered orders arrived earlier than this against their promise (below 0 is early); to 5 minutes",
        Basis.DUE,
    ),
    "delay_p90": Definition(
        "Delay, 9 of 10",
        "Nine of ten delivered orders arrived earlier than this against their promise (below 0 is early); to 5 minutes",
        Basis.DUE,
    ),
    "delivery_delay": Definition(
        "Delivery delay",
        "Delivery minus promise of the orders due and delivered: left of the line is early",
        Basis.DUE,
    ),
    "delivery_steps": Definition(
        "Delivery steps",
        "Steps that deliveries took; a repeated step counts once",
        Basis.STEP,
    ),
    "on_time_share": Definition(
        "On-time share",
        "Orders delivered by the promised time divided by orders due, cancelled orders out; only closed half hours "
        "count, so that an order due a minute ago is not judged yet. Below 30 due orders the share says little",
        Basis.DUE,
    ),
    "oversold": Definition(
        "Oversold",
        "Shelves (a product in a warehouse) of which more was promised than there is, for a minute or longer",
        Basis.NOW,
    ),
    "out_of_stock": Definition("Out of stock", "Shelves with nothing left to sell", Basis.NOW),
    "below_reorder": Definition(
        "Below reorder",
        "Shelves with fewer units left to sell than the point at which the product is ordered again",
        Basis.NOW,
    ),
    "available": Definition(
        "Units available",
        "Units on hand (opening + received - shipped + returned) minus those that pending orders have reserved",
        Basis.NOW,
    ),
    "days_of_cover": Definition(
        "Days of cover",
        "Units available divided by the units sold per day of the last 7 days (of the whole history while it is "
        "shorter; it takes 24 hours), cancelled orders out",
        Basis.NOW,
    ),
}
