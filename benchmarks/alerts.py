"""How good the alert rules are: planted incidents found, alarms on quiet days, time to detect.

    python -m benchmarks.alerts [--seeds 11,12] [--quiet-days 5] [--record]

Each seed is a shop of its own (customers, couriers, prices) that lives three ordinary days, so that there is something
to compare with, and then some quiet ones. On the first of these, at hours that differ from seed to seed, each scenario
begins in a copy of the shop. Every 30 seconds of simulated time the rules are evaluated as the sensor does it.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

import ecom_platform.alerts
from benchmarks.alert_scores import Case, Planted, Raised, score
from benchmarks.alert_shop import ShopInMemory
from ecom_platform.alerts.evaluate import Memory, evaluate
from ecom_platform.alerts.incident import Change
from ecom_platform.alerts.rules import SHOP, Rule
from ecom_platform.alerts.scores import FILE, Score, Scores
from ecom_platform.contract.times import from_milliseconds, to_milliseconds
from ecom_platform.simulator.config import Curve, FaultRates, Incident, IncidentKind, ShopConfig
from ecom_platform.simulator.dimensions import Dimensions, default_shop
from ecom_platform.simulator.scenario import demo_incidents, load_scenario, place_incidents

CHOSEN_ON: Final = (1, 2)
HELD_OUT: Final = (11, 12)
OPENED: Final = datetime(2026, 11, 2, tzinfo=UTC)
KNOWN_DAYS: Final = 3
TICK: Final = timedelta(seconds=30)
HOURS: Final = (9, 11, 13, 15, 17)
STOPPED_FOR: Final = timedelta(minutes=20)
STEADY: Final = "steady"
STOPPED: Final = "stopped stream"
HOUR: Final = timedelta(hours=1)

# Scenario → how long to watch; of a Black Friday the first hours, of the others all, and what follows.
WATCHED: Final = {
    "black_friday": 8 * HOUR,
    "courier_outage": 7 * HOUR,
    "flash_sale": 8 * HOUR,
    "poison": 3 * HOUR,
    STOPPED: 2 * HOUR,
    "demo": 6 * HOUR,
}


class Watcher:
    """A shop, its evaluator, and the alerts it raised."""

    def __init__(self, shop: ShopInMemory, memory: Memory | None = None) -> None:
        self.shop = shop
        self.memory = memory or Memory()
        self.raised: list[Raised] = []

    def watch(self, until: datetime, *, stream_runs: bool = True) -> None:
        """Evaluate every 30 seconds."""
        while self.shop.now < until:
            self.shop.live_until(self.shop.now + TICK, stream_runs=stream_runs)
            done = evaluate(self.memory, self.shop.facts(self.memory.judged_until))
            self.memory = done.memory
            for one in done.happenings:
                if one.change is Change.OPENED:
                    self.raised.append(Raised(one.watch.rule, one.watch.entity, self.shop.now))
                elif one.change is Change.CLOSED:
                    self._close(one.watch.rule, one.watch.entity)

    def _close(self, rule: Rule, entity: str) -> None:
        for number, alert in enumerate(self.raised):
            if (alert.rule, alert.entity, alert.closed_at) == (rule, entity, None):
                self.raised[number] = replace(alert, closed_at=self.shop.now)


def cases_of(seed: int, quiet_days: float, scenarios: Sequence[str]) -> list[Case]:
    """All cases of one seed, each told when it is done."""
    gc.disable()  # no cycles among the many orders: looking for them was a third of the time
    dimensions = default_shop(seed)
    config = ShopConfig(seed, 1.0, Curve.CALIBRATED)
    shop = ShopInMemory(dimensions, config, OPENED + timedelta(days=seed % 7))
    for _ in range(3 * KNOWN_DAYS):
        shop.live_until(shop.now + 8 * HOUR)
    quiet = Watcher(shop)
    begun = shop.now
    end = begun + timedelta(days=quiet_days)
    starts = sorted(
        (begun + HOURS[(seed + number) % len(HOURS)] * HOUR, name)
        for number, name in enumerate(WATCHED)
        if name in scenarios
    )
    cases = []
    for start, name in starts:
        quiet.watch(min(start, end))
        cases.append(_told(_case(name, quiet, dimensions, config)))
    quiet.watch(end)
    cases.append(_told(Case(STEADY, seed, (), tuple(quiet.raised), quiet_days)))
    return cases


def _told(case: Case) -> Case:
    print(f"seed {case.seed}, {case.scenario}:", file=sys.stderr)
    for planted in case.planted:
        print(
            f"    planted {planted.start:%a %H:%M} – {planted.end:%a %H:%M} {planted.kind} {planted.entity}",
            file=sys.stderr,
        )
    for alert in case.raised:
        closed = f"{alert.closed_at:%a %H:%M}" if alert.closed_at else "still open"
        print(
            f"    raised  {alert.opened_at:%a %H:%M} – {closed} {alert.rule} {alert.entity}",
            file=sys.stderr,
            flush=True,
        )
    return case


def _case(name: str, quiet: Watcher, dimensions: Dimensions, steady: ShopConfig) -> Case:
    start = quiet.shop.now
    end = start + WATCHED[name]
    if name == STOPPED:
        config = steady
        planted: tuple[Planted, ...] = (Planted(name, SHOP, start, start + STOPPED_FOR, (Rule.STALE_DATA,)),)
    else:
        config = _configured(name, dimensions, steady, to_milliseconds(start))
        planted = tuple(_planted(one) for one in _joined(config.incidents)) + _faults(config, start, end)
    watcher = Watcher(quiet.shop.follow(config), quiet.memory)
    if name == STOPPED:
        watcher.watch(start + STOPPED_FOR, stream_runs=False)
    watcher.watch(end)
    return Case(name, steady.seed, planted, tuple(watcher.raised), WATCHED[name] / timedelta(days=1))


def _configured(name: str, dimensions: Dimensions, steady: ShopConfig, start_ms: int) -> ShopConfig:
    if name == "demo":  # its incidents begin before its start
        incidents = demo_incidents(dimensions, steady.seed, start_ms + 30 * 60_000)
        return msgspec.structs.replace(steady, incidents=incidents)
    story = load_scenario(name)
    incidents = place_incidents(story.incidents, dimensions, steady.seed, start_ms)
    return msgspec.structs.replace(steady, faults=story.faults, incidents=incidents)


def _joined(incidents: Iterable[Incident]) -> list[Incident]:
    """Incidents, with those that go on under another factor as one."""
    joined: list[Incident] = []
    for one in incidents:
        last = joined[-1] if joined else None
        if last and (last.kind, last.entity, last.to_ms) == (one.kind, one.entity, one.from_ms):
            joined[-1] = msgspec.structs.replace(last, to_ms=one.to_ms)
        else:
            joined.append(one)
    return joined


def _planted(incident: Incident) -> Planted:
    finds, explains, aftermath = _MEANING[incident.kind]
    return Planted(
        incident.kind.value,
        incident.entity,
        from_milliseconds(incident.from_ms),
        from_milliseconds(incident.to_ms),
        finds,
        explains,
        aftermath,
    )


def _faults(config: ShopConfig, start: datetime, end: datetime) -> tuple[Planted, ...]:
    """Faults last as long as the scenario; held-back events alone become no dead letters."""
    dead = msgspec.structs.replace(config.faults, late=0.0, duplicated=0.0)
    return (Planted("faults", SHOP, start, end, (Rule.DEAD_LETTERS,)),) if dead != FaultRates() else ()


_LATE: Final = ((Rule.LATE_SHARE,), ((Rule.LATE_SHARE, SHOP),), 3 * HOUR)
_MEANING: Final = {
    IncidentKind.DEMAND: ((Rule.ORDERS_HIGH,), ((Rule.STOCK_OUT, "product:"), (Rule.MANY_SOLD_OUT, SHOP)), 3 * HOUR),
    IncidentKind.COURIER_OUTAGE: _LATE,
    IncidentKind.SLOW_COURIER: _LATE,
    IncidentKind.FLASH_SALE: (
        (Rule.STOCK_OUT,),
        ((Rule.ORDER_VALUE_HIGH, SHOP), (Rule.ORDER_VALUE_LOW, SHOP)),
        HOUR / 2,
    ),
    IncidentKind.OVERSOLD: ((Rule.OVERSOLD,), (), HOUR / 2),
    IncidentKind.BLACKOUT: ((Rule.ORDERS_LOW,), (), HOUR / 4),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the rules and print what came out; exit 1 when an incident was missed or a quiet day had an alarm."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alerts", description=__doc__)
    parser.add_argument("--seeds", default=",".join(map(str, HELD_OUT)), help="shops to score, held out by default")
    parser.add_argument("--quiet-days", type=float, default=5.0, help="quiet days of each shop")
    parser.add_argument("--scenarios", default=",".join(WATCHED), help="which to play; all by default")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="write the file that the dashboard shows")
    options = parser.parse_args(arguments)
    seeds = tuple(map(int, options.seeds.split(",")))
    play = partial(cases_of, quiet_days=options.quiet_days, scenarios=options.scenarios.split(","))
    with ProcessPoolExecutor(options.processes) as pool:
        found = score(case for cases in pool.map(play, seeds) for case in cases)
    print(table(found))
    if options.record:
        scores = Scores(datetime.now(UTC).date(), CHOSEN_ON, seeds, found)
        file = Path(ecom_platform.alerts.__file__).parent / FILE
        file.write_bytes(msgspec.json.format(msgspec.json.encode(scores), indent=1) + b"\n")
    for one in found:
        for alarm in one.false_alarms:
            print(f"false alarm, {one.scenario}: {alarm}")
    missed = any(one.found < one.incidents for one in found)
    disturbed = any(one.scenario == STEADY and one.alerts for one in found)
    return 1 if missed or disturbed else 0


def table(scores: Iterable[Score]) -> str:
    """The scores as a Markdown table."""
    rows = [
        f"| {one.scenario} | {one.cases} | {one.days:g} | {one.found}/{one.incidents} | {_number(one.recall)} "
        f"| {one.true_alerts}/{one.alerts} | {_number(one.precision)} | {one.repeats} "
        f"| {_minutes(one.median_seconds_to_detect)} | {_minutes(one.slowest_seconds_to_detect)} |"
        for one in scores
    ]
    head = (
        "| scenario | cases | days | found | recall | true alerts | precision | repeats | median time to detect "
        "| slowest |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *rows])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f} min"


if __name__ == "__main__":
    sys.exit(main())
