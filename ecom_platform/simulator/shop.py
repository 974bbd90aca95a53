"""A shop that lives through simulated time and says, message by message, what happens in it.

The messages are a pure function of (configuration, dimensions, state): how time is sliced, and when a person stops
looking, changes nothing. Due events wait in one list per minute; only the current minute is a heap.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any

import msgspec
from msgspec import Struct, field

from ecom_platform.contract import EventType, StockReceived
from ecom_platform.contract.times import from_milliseconds
from ecom_platform.simulator.config import MINUTE_MS, Incident, IncidentKind, ShopConfig
from ecom_platform.simulator.couriers import couriers_of, held_until
from ecom_platform.simulator.demand import Demand, DemandDraw
from ecom_platform.simulator.dimensions import Dimensions
from ecom_platform.simulator.emission import Emission, message_of
from ecom_platform.simulator.faults import Faults
from ecom_platform.simulator.ids import RECEIPTS, event_id, mix, share_of
from ecom_platform.simulator.lifecycle import CANCELLED, DELIVERED, MIN_HANDLING_MS, RETURNED, Life, life_of
from ecom_platform.simulator.orders import OrderMaker, Step
from ecom_platform.simulator.stock import Shelves

_FAR_MS = 2**62
_HOUR_MS = 3_600_000
_LAST_STEP_HOLD_MS = 3 * _HOUR_MS
_OVERSOLD_LIMIT = -25
_STEP, _RECEIPT, _MESSAGE, _GIVEN_BACK = 0, 1, 2, 3

# (due time in ms, tie-breaker, kind, content): a Step, a (pair, units) receipt, the fields of a held message, or the
# (pair, units) lines that go back to the shelves.
Entry = tuple[int, int, int, Any]


class ShopState(Struct):
    """Everything a shop remembers between two messages; see `Shop.tell_ahead` for `told_until_ms`."""

    config: ShopConfig
    substream: int = field(name="stream")  # as homes have stored it
    start_ms: int
    minute: int
    row: int
    next_order_id: int
    shelves: Shelves
    sequence: int = 0
    clock_ms: int = 0
    due: list[Entry] = []
    told_until_ms: int = 0


class Shop:
    """One shop (or one part of it, with its own shelves and order numbers)."""

    def __init__(self, dimensions: Dimensions, state: ShopState) -> None:
        self._dimensions = dimensions
        self._products = len(dimensions.products)
        self._couriers = couriers_of(dimensions, state.config.seed)
        self._orders = OrderMaker(dimensions, state.config.seed)
        self._restore(state)

    @classmethod
    def open(
        cls, dimensions: Dimensions, config: ShopConfig, start_ms: int, substream: int, first_order_id: int
    ) -> Shop:
        """Open a shop with full shelves; `substream` tells shops of one home apart."""
        shelves = Shelves.opening(dimensions)
        state = ShopState(
            config, substream, start_ms, start_ms // MINUTE_MS, 0, first_order_id, shelves, clock_ms=start_ms
        )
        return cls(dimensions, state)

    @property
    def state(self) -> ShopState:
        """The state as it is now; what is due is listed in time order, so equal shops have equal states."""
        self._state.due = sorted([*self._due, *(entry for entries in self._later.values() for entry in entries)])
        return self._state

    @property
    def clock_ms(self) -> int:
        """Everything before this instant has happened."""
        return self._state.clock_ms

    @property
    def substream(self) -> int:
        """Number of this part; no two parts of one home share it."""
        return self._state.substream

    @property
    def config(self) -> ShopConfig:
        """Seed and behaviour."""
        return self._state.config

    @property
    def shelves(self) -> Shelves:
        """The shelves of this part."""
        return self._state.shelves

    def retarget(self, config: ShopConfig, start_ms: int, substream: int) -> None:
        """Go on at another instant with other customers; orders under way, shelves and numbers stay."""
        state = self.state
        state.config, state.start_ms, state.substream = config, start_ms, substream
        state.minute, state.row, state.clock_ms = start_ms // MINUTE_MS, 0, start_ms
        self._restore(state)

    def tell_ahead(self, until_ms: int) -> None:
        """Let every order be followed at once by those of its steps that are taken before `until_ms`.

        For a past that is written after it happened: each part of it that is written is true. Shelves see the steps in
        their own time. Nothing is told ahead while faults hold messages back.
        """
        self._state.told_until_ms = until_ms

    def first_id_after(self, end_minute: int) -> int:
        """Return the order number that follows the last one wanted before `end_minute`."""
        rest = range(self._state.minute + 1, end_minute)
        unseen = len(self._draws) - self._state.row if self._state.minute < end_minute else 0
        return self._state.next_order_id + unseen + sum(map(self._demand.count, rest))

    def merge(self, other: Shop) -> None:
        """Take over the shelves and everything that is due in `other`, which ends."""
        self._state.shelves.merge(other.shelves)
        for entry in other.state.due:
            self._push((entry[0], self._tick(), *entry[2:]))
        for pair in range(len(self.shelves.units)):
            self._restock(pair, self.clock_ms)

    def advance(self, until_ms: int) -> Iterator[Emission]:
        """Yield the messages sent before `until_ms`, in the order of sending."""
        while (emission := self._next(until_ms)) is not None:
            yield emission

    def _next(self, until_ms: int) -> Emission | None:
        state = self._state
        while True:
            wish_ms = self._draws[state.row].time_ms if state.row < len(self._draws) else _FAR_MS
            due_ms = self._due[0][0] if self._due else _FAR_MS
            first_ms = min(wish_ms, due_ms)
            if first_ms == _FAR_MS and (state.minute + 1) * MINUTE_MS < until_ms:
                state.row = 0
                self._enter(state.minute + 1)
                continue
            if first_ms >= until_ms:
                state.clock_ms = max(state.clock_ms, until_ms)
                return None
            state.clock_ms = max(state.clock_ms, first_ms)
            emission = self._order() if wish_ms <= due_ms else self._happen(heappop(self._due))
            if emission is not None:
                return emission

    def _restore(self, state: ShopState) -> None:
        self._state = state
        self._demand = Demand(state.config, self._dimensions, state.substream)
        self._faults = Faults(state.config.faults, state.config.seed)
        kinds = IncidentKind
        self._late_couriers = [
            one for one in state.config.incidents if one.kind in (kinds.SLOW_COURIER, kinds.COURIER_OUTAGE)
        ]
        self._later: dict[int, list[Entry]] = {}
        self._due: list[Entry] = []
        for entry in state.due:
            self._push(entry)
        self._enter(state.minute)

    def _enter(self, minute: int) -> None:
        state = self._state
        state.minute = minute
        self._draws = [draw for draw in self._demand.draws(minute) if draw.time_ms >= state.start_ms]
        for past in [kept for kept in self._later if kept <= minute]:
            self._due += self._later.pop(past)
        heapify(self._due)
        self._select_incidents()

    def _select_incidents(self) -> None:
        start_ms = self._state.minute * MINUTE_MS
        active = [i for i in self.config.incidents if i.from_ms < start_ms + MINUTE_MS and i.to_ms > start_ms]
        kinds = IncidentKind
        self._wanted = [i for i in active if i.kind in (kinds.FLASH_SALE, kinds.OVERSOLD)]
        self._oversold = [i for i in active if i.kind is kinds.OVERSOLD]
        self._blackouts = [i for i in active if i.kind is kinds.BLACKOUT]

    def _tick(self) -> int:
        self._state.sequence += 1
        return self._state.sequence

    def _push(self, entry: Entry) -> None:
        minute = entry[0] // MINUTE_MS
        if minute <= self._state.minute:
            heappush(self._due, entry)
        else:
            self._later.setdefault(minute, []).append(entry)

    def _order(self) -> Emission | None:
        state = self._state
        draw = self._draws[state.row]
        order_id = state.next_order_id
        state.row += 1
        state.next_order_id += 1
        lines = self._pick_up(draw)
        if not lines:
            return None
        couriers = self._couriers[draw.warehouse_id]
        courier = couriers[draw.courier_slot % len(couriers)]
        message = self._orders.placed(order_id, draw, lines, courier.courier_id)
        life = life_of(draw, courier)
        given_back = [line[:2] for line in lines] if life[-1][0] in (CANCELLED, RETURNED) else []
        step = Step(order_id, draw.time_ms, courier.courier_id, given_back, life, 0)
        self._tell(step)
        if step.position < len(step.life):
            self._push((step.life[step.position][1], self._tick(), _STEP, step))
        for line in lines:
            self._restock(line[0], draw.time_ms)
        return self._send(message, MIN_HANDLING_MS - MINUTE_MS, life)

    def _tell(self, step: Step) -> None:
        """Put the steps to be told ahead right behind the order, and the goods they give back in their own time."""
        until_ms = 0 if self._faults.active else self._state.told_until_ms
        while step.position < len(step.life) and step.life[step.position][1] < until_ms:
            number, time_ms = step.life[step.position]
            if self._hold(step, number, time_ms):
                continue
            message = self._orders.step(step, number, time_ms, _arrival_of(step, number))
            self._push((step.order_ms, self._tick(), _MESSAGE, msgspec.structs.astuple(message)))
            if number in (CANCELLED, RETURNED):
                self._push((time_ms, self._tick(), _GIVEN_BACK, step.lines))
            step.position += 1

    def _pick_up(self, draw: DemandDraw) -> list[tuple[int, int, int]]:
        """Take what the customer wants from the shelves: lines (pair, units, product id), none twice."""
        base = (draw.warehouse_id - 1) * self._products - 1
        lines: list[tuple[int, int, int]] = []
        seen: set[int] = set()
        take = self.shelves.take
        for incident in self._wanted:
            forced = self._forced_line(incident, draw, base)
            if forced:
                seen.add(incident.product_id)
                lines.append(forced)
        for product, quantity in zip(draw.products, draw.quantities, strict=True):
            if len(seen) >= draw.lines:
                break
            if product not in seen:
                seen.add(product)
                taken = take(base + product, quantity)
                if taken:
                    lines.append((base + product, taken, product))
        return lines

    def _forced_line(self, incident: Incident, draw: DemandDraw, base: int) -> tuple[int, int, int] | None:
        inside = incident.from_ms <= draw.time_ms < incident.to_ms and draw.forced < incident.factor
        if not inside or incident.warehouse_id not in (0, draw.warehouse_id):
            return None
        pair, units = base + incident.product_id, self.shelves.units
        if incident.kind is IncidentKind.FLASH_SALE:
            taken = self.shelves.take(pair, draw.quantities[0])
            return (pair, taken, incident.product_id) if taken else None
        if units[pair] <= _OVERSOLD_LIMIT:
            return None
        units[pair] -= 3
        return pair, 3, incident.product_id

    def _restock(self, pair: int, now_ms: int) -> None:
        units = self.shelves.reorder(pair)
        if units:
            # A shop asked for a thousand orders a second is delivered to a thousand times as often.
            lead = (6 + 6 * share_of(mix(pair, now_ms))) * _HOUR_MS / max(1.0, self.config.orders_per_second)
            self._push((now_ms + 1 + int(lead), self._tick(), _RECEIPT, (pair, units)))

    def _happen(self, entry: Entry) -> Emission | None:
        due_ms, _, kind, content = entry
        if kind == _MESSAGE:
            message = Emission(*content)
            return self._unless_black(message)
        if kind == _RECEIPT:
            return self._receive(due_ms, *content)
        if kind == _GIVEN_BACK:
            self.shelves.put_back(content)
            return None
        return self._step(due_ms, content if isinstance(content, Step) else msgspec.convert(content, Step))

    def _step(self, due_ms: int, step: Step) -> Emission | None:
        number = step.life[step.position][0]
        if self._hold(step, number, due_ms):
            self._push((step.life[step.position][1], self._tick(), _STEP, step))
            return None
        if number in (CANCELLED, RETURNED):
            self.shelves.put_back(step.lines)
        message = self._orders.step(step, number, due_ms, _arrival_of(step, number))
        last = step.position + 1 == len(step.life)
        if not last:
            step.position += 1
            self._push((step.life[step.position][1], self._tick(), _STEP, step))
        return self._send(message, _LAST_STEP_HOLD_MS if last else 0, [])

    def _hold(self, step: Step, number: int, due_ms: int) -> bool:
        """Whether an incident of its courier moves a delivery, and with it what is to come of the order."""
        if number != DELIVERED:
            return False
        for incident in self._late_couriers:
            held_ms = held_until(incident, step.courier_id, step.order_id, due_ms)
            if held_ms != due_ms:
                step.life = [(other, time + held_ms - due_ms) for other, time in step.life]
                return True
        return False

    def _receive(self, due_ms: int, pair: int, units: int) -> Emission | None:
        warehouse, product = pair // self._products + 1, pair % self._products + 1
        for incident in self._oversold:
            if (incident.warehouse_id, incident.product_id) == (warehouse, product) and due_ms < incident.to_ms:
                self._push((incident.to_ms, self._tick(), _RECEIPT, (pair, units)))
                return None
        units = self.shelves.receive(pair, units)
        # Nothing is taken from an empty shelf, so nothing else would show that this delivery was too small.
        self._restock(pair, due_ms)
        unique = RECEIPTS | mix(self.substream, self._tick()) >> 3
        event = StockReceived(
            event_id=event_id(due_ms, unique, self._orders.salt),
            event_time=from_milliseconds(due_ms),
            warehouse_id=warehouse,
            product_id=product,
            quantity=units,
        )
        return self._send(message_of(event, EventType.STOCK_RECEIVED, due_ms), _LAST_STEP_HOLD_MS, [])

    def _send(self, message: Emission, hold_limit_ms: int, life: Life) -> Emission | None:
        """Send a real message, unless a fault or a blackout holds it back; faulty copies follow it."""
        held = False
        if self._faults.active:
            # An order that is late must still come before its own first step.
            limit = min(hold_limit_ms, life[0][1] - message.time_ms - 1) if life else hold_limit_ms
            hold_ms = self._faults.hold_ms(message, limit)
            if hold_ms:
                message.fault, held = "late", True
                message.time_ms += hold_ms
            copies = self._faults.copies(message)
            if held:
                self._keep(message)
            for copy in copies:
                self._keep(copy)
        if held:
            return None
        return self._unless_black(message) if self._blackouts else message

    def _unless_black(self, message: Emission) -> Emission | None:
        """Keep a message until the blackout ends, if there is one; the order among the kept ones stays."""
        ends = [one.to_ms for one in self._blackouts if one.from_ms <= message.time_ms < one.to_ms]
        if not ends:
            return message
        message.time_ms = max(ends)
        message.fault = message.fault or "late"
        self._keep(message)
        return None

    def _keep(self, message: Emission) -> None:
        self._push((message.time_ms, self._tick(), _MESSAGE, msgspec.structs.astuple(message)))


def _arrival_of(step: Step, number: int) -> int | None:
    """When a delivery that is reported, or whose return is, arrived."""
    return step.life[1][1] if number in (DELIVERED, RETURNED) else None
