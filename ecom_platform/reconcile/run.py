"""Reconcile ledger, topic, facts and rollups: the thin part that talks to MongoDB and Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from bson.binary import Binary
from pymongo.client_session import ClientSession

from ecom_platform.kafka.topic import TopicReader
from ecom_platform.reconcile.cold import read_cold_orders
from ecom_platform.reconcile.compare import DeadComparison, OrderComparison, ledger_equations
from ecom_platform.reconcile.expected import Expectation, LedgerEvent, fold_ledger, position
from ecom_platform.reconcile.facts import ColdOrders, FactTally, gather_facts, gather_rollups
from ecom_platform.reconcile.fingerprints import Amounts, Fingerprints
from ecom_platform.reconcile.report import FIRST, Equation, Report, first_of
from ecom_platform.reconcile.snapshot import at_one_time
from ecom_platform.reconcile.topic_equations import LateEvents, applied_equation, topic_equations
from ecom_platform.settings import Settings
from ecom_platform.simulator.ledger import read_ledger
from ecom_platform.store import Counters, MongoDatabase, PartitionOffsets, read_offsets
from ecom_platform.store import collections as names
from ecom_platform.store.late_events import LateOutcomes, read_late_outcomes
from ecom_platform.streaming.lag import lag_of

# Fine buckets expire while they are compared; within the last hour of their life they are left alone.
MARGIN: Final = timedelta(hours=1)
SLICES_NAMED: Final = 3

Stored = Mapping[int, PartitionOffsets]
Late = Mapping[int, LateEvents]


def reconcile(settings: Settings, db: MongoDatabase) -> Report:
    """Check every accounting equation at one instant of the store; changes nothing and may run beside the stream.

    The facts are the hot orders and those of the archive. Ledger equations are asked when `ECOM_HOME/ledger` exists.

    Raises:
        UnavailableError: MongoDB, Kafka or HDFS does not answer, or the store cannot be read at one instant.
        ConfigurationError: the topic does not exist, or the ledger was changed by hand.
        AccountingError: a stored document is not what the stream writes.
    """
    return at_one_time(db, settings.topic, lambda session: _Reading(settings, db, session).report())


@dataclass(frozen=True, slots=True)
class _Reading:
    settings: Settings
    db: MongoDatabase
    session: ClientSession

    def report(self) -> Report:
        # The order matters while everything goes on: what the store knows is in the ledger read after it, and what the
        # ledger knows is in the topic looked at last. So all that is ahead is pending, and nothing seems lost.
        stored = read_offsets(self.db, self.settings.topic, session=self.session)
        late = self._late_events(stored)
        expectation = self._expectation(stored)
        with TopicReader(self.settings) as reader:
            topic = reader.state()
        dead = Counter(row["partition"] for row in self._dead_letters(stored, {"partition": 1}))
        equations = topic_equations(topic, stored, dead, late)
        orders = OrderComparison(expectation) if expectation else None
        equations += self._fact_equations(stored, late, orders)
        if expectation and orders:
            equations += self._ledger_equations(expectation, orders, stored, late, topic.end)
        pending = expectation.pending if expectation else 0
        lag = lag_of(topic, stored)
        return Report(tuple(equations), lag.total, pending, tuple(lag.held))

    def _expectation(self, stored: Stored) -> Expectation | None:
        folder = self.settings.home / "ledger"
        # In a deployment without a simulator the folder is a volume without a writer.
        if not folder.exists() or not any(folder.iterdir()):
            return None
        waiting = {position(row["partition"], row["offset"]) for row in self._waiting(stored)}
        return fold_ledger(_ledger_events(folder), stored, waiting)

    def _late_events(self, stored: Stored) -> dict[int, LateEvents]:
        waiting = Counter(row["partition"] for row in self._waiting(stored))
        became = read_late_outcomes(self.db, self.settings.topic, session=self.session)
        return {
            partition: LateEvents(waiting[partition], became.get(partition, LateOutcomes()))
            for partition in waiting.keys() | became.keys()
        }

    def _fact_equations(self, stored: Stored, late: Late, orders: OrderComparison | None) -> list[Equation]:
        kept_at = datetime.now(UTC) + MARGIN
        recomputed, kept = Fingerprints(), Fingerprints()
        tally = gather_facts(self.db, self.session, recomputed, kept_at, orders, cold_orders=self._cold_orders)
        gather_rollups(self.db, self.session, kept, kept_at)
        return [
            applied_equation(stored, _became(late).applied, tally.orders, tally.steps, tally.receipts),
            _once_equation(tally),
            *_order_equations(tally),
            self._rollup_equation(kept, recomputed, kept_at, tally),
        ]

    @property
    def _cold_orders(self) -> ColdOrders:
        return partial(read_cold_orders, self.settings, self.db, self.session)

    def _rollup_equation(
        self, kept: Fingerprints, recomputed: Fingerprints, kept_at: datetime, tally: FactTally
    ) -> Equation:
        name = "rollups = recomputation"
        differing = kept.differing(recomputed)
        if not differing:
            detail = f"{len(recomputed.sums):,} slices of rollups equal the sum over {tally.orders:,} orders"
            return Equation(name, True, detail)
        wanted = frozenset(differing[:SLICES_NAMED])
        here, there = Amounts(wanted), Amounts(wanted)
        gather_rollups(self.db, self.session, here, kept_at)
        gather_facts(self.db, self.session, there, kept_at, cold_orders=self._cold_orders)
        amounts = here.differing(there)
        named = first_of((f"{path} is {found}, facts say {right}" for path, found, right in amounts), len(amounts))
        slices = first_of(differing, len(differing))
        return Equation(name, False, f"{len(differing):,} slices differ ({slices}); in the first ones {named}")

    def _ledger_equations(
        self, expectation: Expectation, orders: OrderComparison, stored: Stored, late: Late, end: Mapping[int, int]
    ) -> list[Equation]:
        dead = DeadComparison(expectation)
        for row in self._dead_letters(stored, {"partition": 1, "offset": 1, "reason": 1}):
            dead.add(position(row["partition"], row["offset"]), row["_id"], row["reason"])
        refused = self._refused(orders.missing()[:FIRST].tolist(), frozenset(expectation.dead_positions.tolist()))
        summed, became = _summed(stored), _became(late)
        waiting = sum(events.waiting for events in late.values())
        read = sum(part.next - part.first for part in stored.values()) - summed.gap - summed.lost - waiting
        # As if what was late had been applied when it came: the ledger does not know of the archive.
        counted = replace(
            summed,
            applied=summed.applied + became.applied,
            duplicate=summed.duplicate + became.duplicate,
            dead=summed.dead + became.dead,
            late=waiting,
        )
        return ledger_equations(expectation, orders, dead, counted, read=read, end=end, refused=refused)

    def _dead_letters(self, stored: Stored, columns: Mapping[str, int]) -> Iterator[dict[str, Any]]:
        return self._of_accounted_offsets(names.DEAD_LETTERS, stored, columns)

    def _waiting(self, stored: Stored) -> Iterator[dict[str, Any]]:
        return self._of_accounted_offsets(names.LATE_EVENTS, stored, {"partition": 1, "offset": 1})

    def _of_accounted_offsets(
        self, collection: str, stored: Stored, columns: Mapping[str, int]
    ) -> Iterator[dict[str, Any]]:
        """Documents of the offsets that are accounted for, partition by partition."""
        for partition, part in stored.items():
            accounted = {"$gte": part.first, "$lt": part.next}
            query = {"topic": self.settings.topic, "partition": partition, "offset": accounted}
            yield from self.db[collection].find(query, columns, session=self.session)

    def _refused(self, missing: list[int], expected: frozenset[int]) -> dict[int, str]:
        """Of missing orders, those of which a message became a dead letter that was not expected, with its reason."""
        keys = {b"%d" % order_id: order_id for order_id in missing}
        query = {"topic": self.settings.topic, "key": {"$in": [Binary(key) for key in keys]}}
        rows = self.db[names.DEAD_LETTERS].find(query, session=self.session) if keys else ()
        return {
            keys[bytes(row["key"])]: row["reason"]
            for row in rows
            if position(row["partition"], row["offset"]) not in expected
        }


def _ledger_events(folder: Path) -> Iterator[LedgerEvent]:
    for entry in read_ledger(folder):
        yield LedgerEvent(
            entry.event_type,
            entry.event_id,
            entry.order_id,
            entry.step,
            entry.total_cents,
            entry.expected,
            # A refusal may be a lost answer: only an acknowledgement proves where the message is.
            entry.status == "acked",
            entry.partition,
            entry.offset,
        )


def _summed(stored: Stored) -> Counters:
    parts = [part.counters for part in stored.values()]
    return Counters(**{field.name: sum(getattr(part, field.name) for part in parts) for field in fields(Counters)})


def _became(late: Late) -> LateOutcomes:
    parts = [events.became for events in late.values()]
    return LateOutcomes(**{each.name: sum(getattr(part, each.name) for part in parts) for each in fields(LateOutcomes)})


def _once_equation(tally: FactTally) -> Equation:
    places = f"{tally.orders - tally.cold:,} in MongoDB + {tally.cold:,} in the archive"
    twice = f": found twice {tally.twice}" if tally.twice.count else ""
    return Equation("each order once", not tally.twice.count, f"{places}{twice}")


def _order_equations(tally: FactTally) -> list[Equation]:
    """What every order must say about itself."""
    return [
        Equation(name, not found.count, f"broken in {found}" if found.count else f"in {tally.orders:,} orders")
        for name, found in (("net lines = total", tally.uneven), ("status = last step", tally.torn))
    ]
