"""How couriers behave: each has its own punctuality; incidents make one late."""

from __future__ import annotations

from dataclasses import dataclass

from ecom_platform.simulator.calibration import random_stream
from ecom_platform.simulator.config import Incident, IncidentKind
from ecom_platform.simulator.dimensions import Dimensions
from ecom_platform.simulator.ids import mix, share_of

_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Courier:
    """A courier and its delay against the promise: mean and spread in milliseconds (negative = early)."""

    courier_id: int
    mean_ms: float
    spread_ms: float


def couriers_of(dimensions: Dimensions, seed: int) -> dict[int, list[Courier]]:
    """Return the couriers of each warehouse; punctuality differs by courier and is fixed by the seed."""
    random = random_stream(seed, "couriers")
    by_warehouse: dict[int, list[Courier]] = {}
    for row in dimensions.couriers:
        mean, spread = random.normal(-42, 12) * _MINUTE_MS, random.uniform(20, 45) * _MINUTE_MS
        by_warehouse.setdefault(row["warehouse_id"], []).append(Courier(row["_id"], mean, spread))
    return by_warehouse


def held_until(incident: Incident, courier_id: int, order_id: int, due_ms: int) -> int:
    """Return when a delivery that is due at `due_ms` happens under `incident`; `due_ms` itself when untouched."""
    if incident.courier_id != courier_id or not incident.from_ms <= due_ms < incident.to_ms:
        return due_ms
    spread = share_of(mix(order_id, incident.from_ms))
    if incident.kind is IncidentKind.SLOW_COURIER:
        return due_ms + round((90 + 90 * spread) * _MINUTE_MS)
    return incident.to_ms + round(60 * spread * _MINUTE_MS)
