"""Named scenarios: files that say which faults and incidents a run has, in minutes after its start."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct

from ecom_platform.errors import UsageError
from ecom_platform.simulator.config import MINUTE_MS, FaultRates, Incident, IncidentKind
from ecom_platform.simulator.dimensions import Dimensions, Row
from ecom_platform.simulator.ids import mix

_ABOUT_COURIERS = (IncidentKind.SLOW_COURIER, IncidentKind.COURIER_OUTAGE)


class PlannedIncident(Struct, frozen=True, forbid_unknown_fields=True):
    """An incident relative to the start of a run; what it is about is picked by the seed unless named."""

    kind: IncidentKind
    from_minutes: float
    to_minutes: float
    factor: float = 1.0
    courier_id: int = 0
    warehouse_id: int = 0
    product_id: int = 0


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """One scenario file."""

    description: str
    faults: FaultRates = FaultRates()
    incidents: tuple[PlannedIncident, ...] = ()


def scenario_names() -> list[str]:
    """Return the names of all scenarios, sorted."""
    folder = files("ecom_platform.simulator") / "scenarios"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_scenario(name: str) -> Scenario:
    """Read a scenario by name, or from a file whose path ends in `.toml`.

    Raises:
        UsageError: there is no such scenario, or its file says something a scenario cannot say.
    """
    known = ", ".join(scenario_names())
    if name.endswith(".toml") and Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    elif name in scenario_names():
        text = (files("ecom_platform.simulator") / "scenarios" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise UsageError(f"There is no scenario {name!r}; nothing was started. Known: {known}, or a .toml file.")
    try:
        return msgspec.convert(tomllib.loads(text), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"Scenario {name} cannot be used ({error}); nothing was started.") from error


def place_incidents(
    planned: tuple[PlannedIncident, ...], dimensions: Dimensions, seed: int, start_ms: int
) -> tuple[Incident, ...]:
    """Put planned incidents on the clock of a run and pick what each is about."""
    return tuple(_place(plan, dimensions, mix(seed, number), start_ms) for number, plan in enumerate(planned))


def demo_incidents(dimensions: Dimensions, seed: int, now_ms: int) -> tuple[Incident, ...]:
    """Return what the demo plants around its start, so that there is something true to find.

    One courier is slow and one product oversold; both begin within the half hour before the start.
    """
    planned = (
        PlannedIncident(IncidentKind.SLOW_COURIER, -25, 20),
        PlannedIncident(IncidentKind.OVERSOLD, -20, 30, factor=0.6),
    )
    return place_incidents(planned, dimensions, seed, now_ms)


def _place(plan: PlannedIncident, dimensions: Dimensions, bits: int, start_ms: int) -> Incident:
    courier, warehouse, product = plan.courier_id, plan.warehouse_id, plan.product_id
    if plan.kind in _ABOUT_COURIERS and not courier:
        courier = dimensions.couriers[bits % len(dimensions.couriers)]["_id"]
    if plan.kind in (IncidentKind.FLASH_SALE, IncidentKind.OVERSOLD) and not product:
        row = _modest_shelf(dimensions, bits)
        product = row["product_id"]
        if plan.kind is IncidentKind.OVERSOLD and not warehouse:
            warehouse = row["warehouse_id"]
    return Incident(
        kind=plan.kind,
        from_ms=start_ms + int(plan.from_minutes * MINUTE_MS),
        to_ms=start_ms + int(plan.to_minutes * MINUTE_MS),
        factor=plan.factor,
        courier_id=courier,
        warehouse_id=warehouse,
        product_id=product,
    )


def _modest_shelf(dimensions: Dimensions, bits: int) -> Row:
    """Pick a shelf that half an hour of attention can empty."""
    modest = [row for row in dimensions.inventory if 30 <= row["opening"] <= 60] or dimensions.inventory
    return modest[bits % len(modest)]
