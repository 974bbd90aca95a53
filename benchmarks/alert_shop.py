"""A shop and its stream in memory: simulated events through the real decoding and folding into the facts of alerts.

Days pass in seconds, since nothing is sent or stored. What the stream would write into MongoDB is summed here, in the
grain the rules look at; a test holds its facts against those read from a real MongoDB.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from ecom_platform.alerts.facts import (
    BUCKET,
    HALF_HOUR,
    Bucket,
    Facts,
    Promises,
    Usual,
    closed_buckets,
    earlier_days,
    earlier_half_hours,
)
from ecom_platform.contract import OPEN_STATUSES
from ecom_platform.contract.times import from_milliseconds, to_milliseconds
from ecom_platform.kpi import Rollups
from ecom_platform.kpi.figures import half_hour
from ecom_platform.simulator.config import ShopConfig
from ecom_platform.simulator.dimensions import Dimensions
from ecom_platform.simulator.emission import Emission
from ecom_platform.simulator.shop import Shop
from ecom_platform.store import DimensionTables
from ecom_platform.streaming.fold import Known, fold_chunk, order_ids, receipt_ids
from ecom_platform.streaming.records import Record, decode_records

_FIRST_ORDER = datetime(2020, 1, 1, tzinfo=UTC)
# A delivered order may come back for two days; after that nothing more happens to it.
_KEPT = timedelta(days=4)

Order = dict[str, Any]


class ShopInMemory:
    """Lives through simulated time; `facts` says what the evaluator would read at the instant it has reached."""

    def __init__(self, dimensions: Dimensions, config: ShopConfig, start: datetime) -> None:
        self._shop = Shop.open(dimensions, config, to_milliseconds(start), 1, 1)
        self._tables = _tables(dimensions)
        self._orders: dict[int, Order] = {}
        self._receipts: set[str] = set()
        self._buckets: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._half_hours: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._due: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
        self._open: defaultdict[int, dict[int, tuple[datetime, int]]] = defaultdict(dict)
        self._available = {(row["warehouse_id"], row["product_id"]): row["opening"] for row in dimensions.inventory}
        self._sold_out: set[tuple[int, int]] = set()
        self._holders = len(dimensions.warehouses)
        self._in_topic: list[Emission] = []
        self._offset = 0
        self.now = start
        self.as_of = start

    def follow(self, config: ShopConfig) -> ShopInMemory:
        """A copy that goes on from here under another configuration; this one stays as it is."""
        twin = copy.copy(self)
        sums = {name: copy.deepcopy(getattr(self, name)) for name in ("_buckets", "_half_hours", "_due", "_open")}
        # Orders are replaced, never changed, so that both shops may hold the same ones.
        held = {
            name: copy.copy(getattr(self, name))
            for name in ("_orders", "_receipts", "_available", "_sold_out", "_in_topic")
        }
        vars(twin).update(_shop=copy.deepcopy(self._shop), **sums, **held)
        twin.change(config)
        return twin

    def change(self, config: ShopConfig) -> None:
        """Go on under another configuration, with other customers."""
        self._shop.retarget(config, to_milliseconds(self.now), self._shop.substream + 1)

    def live_until(self, instant: datetime, *, stream_runs: bool = True) -> None:
        """Let time pass; without its stream, events wait in the topic and the figures keep their age."""
        self._in_topic += self._shop.advance(to_milliseconds(instant))
        self.now = instant
        if stream_runs:
            self._apply(self._in_topic)
            self._in_topic = []
            self.as_of = instant

    def facts(self, judged_until: datetime | None) -> Facts:
        """What the evaluator would read now."""
        span = closed_buckets(self.now, self.as_of, judged_until)
        buckets = self._closed(span)
        earlier = earlier_half_hours(span)
        promises = self._promises() if buckets else {}
        usual, days = self._usual_promises() if buckets else ({}, 0)
        empty: dict[int, tuple[int, int]] = {}
        for _, product in self._sold_out:
            empty[product] = (empty.get(product, (0, 0))[0] + 1, self._holders)
        return Facts(
            now=self.now,
            as_of=self.as_of,
            buckets=buckets,
            usual={one: self._usual(days) for one, days in earlier.items()},
            promises=promises,
            usual_promises=usual,
            promise_days=days,
            empty_shelves=empty,
            oversold={pair: -self._available[pair] for pair in self._sold_out if self._available[pair] < 0},
        )

    def _apply(self, emissions: list[Emission]) -> None:
        records = [Record(self._offset + n, one.time_ms, one.key, one.value) for n, one in enumerate(emissions)]
        self._offset += len(records)
        decoded = decode_records(records, _FIRST_ORDER)
        ids = order_ids(decoded)
        before = {order_id: self._orders[order_id] for order_id in ids if order_id in self._orders}
        known = Known(before, self._receipts.intersection(receipt_ids(decoded)))
        writes = fold_chunk(decoded, known, self._tables, "orders", 0)
        changed = [*writes.inserts, *(update.after for update in writes.updates)]
        self._keep(changed)
        self._receipts.update(receipt["_id"] for receipt in writes.receipts)
        self._add(writes.rollups)
        for minute, counts in writes.minutes.items():
            bucket = self._buckets[minute // 5]
            bucket[2] += sum(counts.get(name, 0) for name in ("applied", "duplicate", "dead", "late"))
            bucket[3] += counts.get("dead", 0)

    def _keep(self, changed: Iterable[Order]) -> None:
        for order in changed:
            delivery = order["delivery"]
            waiting = self._open[_number(delivery["expected_time"], HALF_HOUR)]
            if delivery["status"] in OPEN_STATUSES:
                waiting[order["_id"]] = (delivery["expected_time"], delivery["courier_id"])
            else:
                waiting.pop(order["_id"], None)
            self._orders[order["_id"]] = order
        oldest = self.now - _KEPT
        # Orders are numbered in the order of time.
        for order_id in list(islice(self._orders, 200)):
            if self._orders[order_id]["order_time"] > oldest:
                break
            del self._orders[order_id]

    def _add(self, rollups: Rollups) -> None:
        for (minute, _, _), amounts in rollups.minute_payment.items():
            bucket = self._buckets[minute // 5]
            bucket[0] += amounts[0]
            bucket[1] += amounts[1]
        for (number, *_), amounts in rollups.cube_payment.items():
            sums = self._half_hours[number]
            sums[0] += amounts[0]
            sums[1] += amounts[1]
        for (number, _, courier, _), amounts in rollups.cube_promise.items():
            sums = self._due[number].setdefault(courier, [0, 0])
            sums[0] += amounts[0]
            sums[1] += amounts[1]
        for pair, (received, shipped, returned, reserved) in rollups.stock.items():
            left = self._available[pair] = self._available[pair] + received - shipped + returned - reserved
            (self._sold_out.discard if left > 0 else self._sold_out.add)(pair)

    def _closed(self, span: tuple[datetime, datetime]) -> tuple[Bucket, ...]:
        start, end = span
        numbers = range(_number(start, BUCKET), _number(end, BUCKET))
        return tuple(Bucket(from_milliseconds(number * 300_000), *self._buckets[number]) for number in numbers)

    def _usual(self, instants: Iterable[datetime]) -> Usual:
        sums = [self._half_hours.get(_number(instant, HALF_HOUR), (0, 0)) for instant in instants]
        known = [one for one in sums if one[0]]
        return Usual(tuple(one[0] for one in known), tuple(one[1] for one in known))

    def _promises(self) -> Mapping[int, Promises]:
        current = half_hour(self.now)
        found: defaultdict[int, Promises] = defaultdict(Promises)
        for courier, (due, on_time) in self._due[_number(current - HALF_HOUR, HALF_HOUR)].items():
            found[courier] += Promises(due, due - on_time)
        for courier, (due, _) in self._due[_number(current, HALF_HOUR)].items():
            found[courier] += Promises(due)
        for expected, courier in self._open[_number(current, HALF_HOUR)].values():
            if expected < self.now:
                found[courier] += Promises(0, 1)
        return dict(found)

    def _usual_promises(self) -> tuple[Mapping[int, Promises], int]:
        found: defaultdict[int, Promises] = defaultdict(Promises)
        days = 0
        for midnight in earlier_days(self.now):
            first = _number(midnight, HALF_HOUR)
            of_day = [self._due[number] for number in range(first, first + 48) if number in self._due]
            days += any(of_day)
            for couriers in of_day:
                for courier, (due, on_time) in couriers.items():
                    found[courier] += Promises(due, due - on_time)
        return dict(found), days


def _number(instant: datetime, width: timedelta) -> int:
    return int(instant.timestamp() // width.total_seconds())


def _tables(dimensions: Dimensions) -> DimensionTables:
    return DimensionTables(
        1,
        {row["_id"]: row["category"] for row in dimensions.products},
        {row["_id"]: row["city"] for row in dimensions.users},
        {row["_id"]: row["name"] for row in dimensions.warehouses},
        {row["_id"]: row["name"] for row in dimensions.couriers},
    )
