"""One pass over the stored facts: what they contribute to the rollups, and what they hold against the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

import numpy as np
from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.errors import AccountingError
from ecom_platform.kpi import Rollups, accumulate, accumulate_receipt
from ecom_platform.reconcile.compare import OrderComparison, status_code
from ecom_platform.reconcile.fingerprints import COMPARED, Collector, add_stored, document_key, is_compared
from ecom_platform.reconcile.report import Differences
from ecom_platform.store import MongoDatabase
from ecom_platform.store import collections as names

BATCH: Final = 20_000
_UNUSED: Final = ("user_id", "warehouse_name", "src", "extra", "order_items.order_item_id", "delivery.courier_name")

Document = Mapping[str, Any]
ColdOrders = Callable[[BitMap64], Iterable[Document]]
"""Reads the archived orders, those left out that are among the given hot ids."""


@dataclass(slots=True)
class FactTally:
    """Counts over all facts: orders, later steps in them, stock receipts; and orders that contradict themselves.

    Attributes:
        cold: how many of the orders are in the archive.
        twice: orders found more than once, hot or cold.
        uneven: orders whose net lines do not add up to the total.
        torn: orders whose status is not the last step of their history.
    """

    orders: int = 0
    cold: int = 0
    steps: int = 0
    receipts: int = 0
    twice: Differences = field(default_factory=Differences)
    uneven: Differences = field(default_factory=Differences)
    torn: Differences = field(default_factory=Differences)


def gather_facts(
    db: MongoDatabase,
    session: ClientSession,
    collector: Collector,
    kept_at: datetime,
    orders: OrderComparison | None = None,
    *,
    cold_orders: ColdOrders = lambda _: (),
) -> FactTally:
    """Read every order, hot and cold, and every stock receipt once, in memory of one batch.

    Args:
        db: the store.
        session: of one instant.
        collector: takes the contributions of the facts.
        kept_at: buckets past their retention at this instant are left out.
        orders: takes every order, if there is a ledger.
        cold_orders: reads the archived orders that count there at the same instant.

    Raises:
        AccountingError: a stored order lacks what the platform writes into every order.
    """
    tally = FactTally()
    seen = BitMap64()

    def take(found: Iterator[Document]) -> None:
        while batch := list(islice(found, BATCH)):
            rollups = Rollups()
            for order in batch:
                _take_order(rollups, tally, order)
            _collect(collector, rollups, kept_at)
            _note_repeated(tally, seen, batch)
            if orders is not None:
                orders.add(*_columns(batch))

    take(_read_orders(db, session))
    hot = tally.orders
    take(iter(cold_orders(seen.copy())))
    tally.cold = tally.orders - hot
    receipts = Rollups()
    for row in db[names.STOCK_RECEIPTS].find({}, session=session, batch_size=BATCH):
        accumulate_receipt(receipts, row["warehouse_id"], row["product_id"], row["quantity"])
        tally.receipts += 1
    _collect(collector, receipts, kept_at)
    return tally


def gather_rollups(db: MongoDatabase, session: ClientSession, collector: Collector, kept_at: datetime) -> None:
    """Read every stored rollup document that is not past its retention at `kept_at`."""
    for name in COMPARED:
        for document in db[name].find({}, session=session):
            if is_compared(name, document, kept_at):
                add_stored(collector, name, document)


def _read_orders(db: MongoDatabase, session: ClientSession) -> Iterator[Document]:
    unused = dict.fromkeys(_UNUSED, 0)
    # By _id, which follows time: neighbours share their buckets, so that a batch folds into few.
    yield from db[names.ORDERS].find({}, unused, session=session, batch_size=BATCH).sort("_id", 1)


def _take_order(rollups: Rollups, tally: FactTally, order: Document) -> None:
    try:
        accumulate(rollups, order, 1)
        lines_cents = sum(line["net_cents"] for line in order["order_items"])
        history = order["delivery"]["history"]
        torn = history[-1]["status"] != order["delivery"]["status"]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise AccountingError(
            f"Order {order['_id']} is not what the stream writes ({error!r}): another program changed it in MongoDB. "
            "Nothing was compared. Mend or delete the document, then `ecom reconcile`."
        ) from error
    tally.orders += 1
    tally.steps += len(history) - 1
    if lines_cents != order["total_cents"]:
        tally.uneven.add([order["_id"]])
    if torn:
        tally.torn.add([order["_id"]])


def _note_repeated(tally: FactTally, seen: BitMap64, batch: list[Document]) -> None:
    for order in batch:
        if order["_id"] in seen:
            tally.twice.add([order["_id"]])
        seen.add(order["_id"])


def _collect(collector: Collector, rollups: Rollups, kept_at: datetime) -> None:
    for increment in rollups.increments(0, kept_at):
        collector.add(increment.collection, document_key(increment.id), increment.amounts.items())


def _columns(batch: list[Document]) -> tuple[Any, Any, Any, Any]:
    rows = [
        (
            order["_id"],
            order["total_cents"],
            status_code(order["delivery"]["status"]),
            len(order["delivery"]["history"]),
        )
        for order in batch
    ]
    ids, totals, codes, events = np.array(rows, dtype=np.int64).T
    return ids, totals, codes, events
