"""What each figure means: the one text behind the help on screen, the command line and the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    Definition(
        "discount_rate",
        "Discount rate",
        "Discounts given divided by the value before discount, cancelled orders out",
        "share",
        Basis.PLACED,
    ),
    Definition(
        "cancelled_rate",
        "Cancelled rate",
        "Booked value of orders that were cancelled divided by all booked value",
        "share",
        Basis.PLACED,
    ),
    Definition(
        "returned",
        "Returned",
        "Sum of the totals of orders that came back; it is not deducted from revenue",
        "cents",
        Basis.PLACED,
    ),
    Definition(
        "category_sales",
        "Sales by category",
        "Net item sales (after each line's share of the discount), cancelled orders out; over all categories they add "
        "up to revenue",
        "cents",
        Basis.PLACED,
    ),
    Definition(
        "location_sales",
        "Sales by location",
        "Revenue by the customer's city as it was when the order was placed, cancelled orders out; customers not "
        "described yet are unknown",
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
        "at_risk",
        "At risk 2 h",
        "Orders still Pending that are promised within the next two hours",
        "orders",
        Basis.NOW,
    ),
    Definition("open", "Open", "Orders that are Pending or Shipped, late ones in", "orders", Basis.NOW),
    Definition(
        "delay_p50",
        "Delay, median",
        "Half of the delivered orders arrived earlier than this against their promise (below 0 is early); to 5 minutes",
        "seconds",
        Basis.DUE,
    ),
    Definition(
        "delay_p90",
        "Delay, 9 of 10",
        "Nine of ten delivered orders arrived earlier than this against their promise (below 0 is early); to 5 minutes",
        "seconds",
        Basis.DUE,
    ),
    Definition(
        "delivery_delay",
        "Delivery delay",
        "Delivery minus promise of the orders due and delivered: left of the line is early",
        "orders",
        Basis.DUE,
    ),
    Definition(
        "delivery_steps",
        "Delivery steps",
        "Steps that deliveries took; a repeated step counts once",
        "steps",
        Basis.STEP,
    ),
    Definition(
        "on_time_share",
        "On-time share",
        "Orders delivered by the promised time divided by orders due, cancelled orders out; only closed half hours "
        "count, so that an order due a minute ago is not judged yet. Below 30 due orders the share says little",
        "share",
        Basis.DUE,
    ),
    Definition(
        "oversold",
        "Oversold",
        "Shelves (a product in a warehouse) of which more was promised than there is, for a minute or longer",
        "shelves",
        Basis.NOW,
    ),
    Definition("out_of_stock", "Out of stock", "Shelves with nothing left to sell", "shelves", Basis.NOW),
    Definition(
        "below_reorder",
        "Below reorder",
        "Shelves with fewer units left to sell than the point at which the product is ordered again",
        "shelves",
        Basis.NOW,
    ),
    Definition(
        "available",
        "Units available",
        "Units on hand (opening + received - shipped + returned) minus those that pending orders have reserved",
        "units",
        Basis.NOW,
    ),
    Definition(
        "days_of_cover",
        "Days of cover",
        "Units available divided by the units sold per day of the last 7 days (of the whole history while it is "
        "shorter; it takes 24 hours), cancelled orders out",
        "days",
        Basis.NOW,
    ),
)

DEFINITIONS: dict[str, Definition] = {definition.key: definition for definition in _ALL}
