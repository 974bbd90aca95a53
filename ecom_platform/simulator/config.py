"""What a simulated shop is told: one value, stored with its state, so that a resumed shop goes on as it began."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

MINUTE_MS = 60_000


class Curve(StrEnum):
    """How demand moves over the day and the week."""

    CALIBRATED = "calibrated"  # the measured hour-of-day and weekday factors
    CLAMPED = "clamped"  # the same, hour factor within 0.5 and 1.6: a demo at 04 h must show orders
    FLAT = "flat"  # factor 1: the pace a person asked for in orders per second


class IncidentKind(StrEnum):
    """Things that happen to a shop between two instants."""

    DEMAND = "demand"  # demand multiplied by `factor`
    SLOW_COURIER = "slow_courier"  # deliveries of the courier that come due slip by one and a half to three hours
    COURIER_OUTAGE = "courier_outage"  # the courier delivers nothing before the end
    FLASH_SALE = "flash_sale"  # `factor` of all baskets want the product
    OVERSOLD = "oversold"  # the warehouse sells the product without looking at the shelf
    BLACKOUT = "blackout"  # events wait for the end, then arrive at once


class Incident(Struct, frozen=True):
    """An incident in simulated time; 0 stands for "not about one of these"."""

    kind: IncidentKind
    from_ms: int
    to_ms: int
    factor: float = 1.0
    courier_id: int = 0
    warehouse_id: int = 0
    product_id: int = 0

    @property
    def entity(self) -> str:
        """What the incident is about, as written in labels: `courier:5`, `warehouse:2/product:41`, `shop`."""
        named = (("courier", self.courier_id), ("warehouse", self.warehouse_id), ("product", self.product_id))
        return "/".join(f"{name}:{number}" for name, number in named if number) or "shop"


class FaultRates(Struct, frozen=True, forbid_unknown_fields=True):
    """Faults per real event; all but `late` are added copies, `late` holds a real event back."""

    duplicated: float = 0.0
    late: float = 0.0
    malformed: float = 0.0
    orphaned: float = 0.0
    unknown_enum: float = 0.0
    negative_quantity: float = 0.0
    newer_schema: float = 0.0


class ShopConfig(Struct, frozen=True):
    """Seed and behaviour of a shop; events are a pure function of this and simulated time."""

    seed: int
    orders_per_second: float = 1.0
    curve: Curve = Curve.CALIBRATED
    faults: FaultRates = FaultRates()
    incidents: tuple[Incident, ...] = ()
