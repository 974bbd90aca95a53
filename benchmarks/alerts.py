"""How good the alert rules are: planted incidents found, alarms on quiet days, time to detect.

    python -m benchmarks.alerts [--seeds 11,12,13] [--quiet-days 10] [--record]

Each seed is a shop of its own (customers, couriers, prices) that lives three ordinary days, so that there is something
to compare with, and then ten quiet ones. On the first of these, at hours that differ from seed to seed, each scenario
begins in a copy of the shop. Every 30 seconds of simulated time the rules are evaluated as the sensor does it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

import ecom_platform.alerts
from benchmarks.alert_shop import ShopInMemory
from ecom_platform.alerts.evaluate import Memory, evaluate
from ecom_platform.alerts.incident import Change
from ecom_platform.alerts.rules import SHOP, Rule
from ecom_platform.alerts.scores import FILE, Case, Planted, Raised, Score, Scores, score
from ecom_platform.simulator.config import Curve, FaultRates, Incident, IncidentKind, ShopConfig
from ecom_platform.simulator.dimensions import Dimensions, default_shop
from ecom_platform.simulator.emission import from_ms, to_ms
from ecom_platform.simulator.scenario import demo_incidents, load_scenario, place_incidents

CHOSEN_ON: Final = (1, 2)
HELD_OUT: Final = (11, 12, 13)
OPENED: Final = datetime(2026, 11, 2, tzinfo=UTC)
KNOWN_DAYS: Final = 3
TICK: Final = timedelta(seconds=30)
HOURS: Final = (9, 11, 13, 15, 17)
STOPPED_FOR: Final = timedelta(minutes=20)
STEADY: Final = "steady"
STOPPED: Final = "stopped stream"
HOUR: Final = timedelta(hours=1)

# Scenario → how long to watch; long enough to see every alert close.
WATCHED: Final = {
    "black_friday": 28 * HOUR,
    "courier_outage": 7 * HOUR,
    "flash_sale": 15 * HOUR,
    "poison": 3 * HOUR,
    STOPPED: 2 * HOUR,
    "demo": 6 * HOUR,
    "late_burst": 4 * HOUR,
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


def cases_of(seed: int, quiet_days: float) -> list[Case]:
    """All cases of one seed."""
    dimensions = default_shop(seed)
    config = ShopConfig(seed, 1.0, Curve.CALIBRATED)
    shop = ShopInMemory(dimensions, config, OPENED + timedelta(days=seed % 7))
    quiet = Watcher(shop)
    quiet.watch(shop.now + timedelta(days=KNOWN_DAYS))
    quiet.raised.clear()  # the days before the first comparison are neither quiet nor planted
    begun = shop.now
    end = begun + timedelta(days=quiet_days)
    starts = sorted((begun + HOURS[(seed + number) % len(HOURS)] * HOUR, name) for number, name in enumerate(WATCHED))
    cases = []
    for start, name in starts:
        quiet.watch(min(start, end))
        cases.append(_case(name, quiet, dimensions, config))
    quiet.watch(end)
    cases.append(Case(STEADY, seed, (), tuple(quiet.raised), quiet_days))
    return cases


def _case(name: str, quiet: Watcher, dimensions: Dimensions, steady: ShopConfig) -> Case:
    start = quiet.shop.now
    end = start + WATCHED[name]
    if name == STOPPED:
        config, planted = steady, (Planted(name, SHOP, start, start + STOPPED_FOR, (Rule.STALE_DATA,)),)
    else:
        config = _configured(name, dimensions, steady, to_ms(start))
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
        from_ms(incident.from_ms),
        from_ms(incident.to_ms),
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
    IncidentKind.DEMAND: ((Rule.ORDERS_HIGH,), ((Rule.STOCK_OUT, "product:"),), 3 * HOUR),
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
    parser.add_argument("--quiet-days", type=float, default=10.0, help="quiet days of each shop")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="score all seeds and write the file the dashboard shows")
    options = parser.parse_args(arguments)
    seeds = (*CHOSEN_ON, *HELD_OUT) if options.record else tuple(map(int, options.seeds.split(",")))
    with ProcessPoolExecutor(options.processes) as pool:
        by_seed = dict(zip(seeds, pool.map(cases_of, seeds, [options.quiet_days] * len(seeds)), strict=True))
    if options.record:
        chosen = [case for seed in CHOSEN_ON for case in by_seed[seed]]
        held_out = score(case for seed in HELD_OUT for case in by_seed[seed])
        scores = Scores(datetime.now(UTC).date(), CHOSEN_ON, HELD_OUT, held_out, score(chosen))
        file = Path(ecom_platform.alerts.__file__).parent / FILE
        file.write_bytes(msgspec.json.format(msgspec.json.encode(scores), indent=1) + b"\n")
        print(f"Seeds {CHOSEN_ON}, on which the limits were chosen:\n\n{table(scores.chosen_on)}\n")
    else:
        held_out = score(case for seed in seeds for case in by_seed[seed])
    print(f"Seeds {HELD_OUT if options.record else seeds}:\n\n{table(held_out)}")
    for one in held_out:
        for alarm in one.false_alarms:
            print(f"false alarm, {one.scenario}: {alarm}")
    missed = any(one.found < one.incidents for one in held_out)
    disturbed = any(one.scenario == STEADY and one.alerts for one in held_out)
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
