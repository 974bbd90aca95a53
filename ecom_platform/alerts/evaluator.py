"""The evaluator: remember, look, judge, write. Killed at any moment, it loses no alert and doubles none.

What changed and what to remember are written in one transaction, under the condition that no other evaluator has
written in between; an evaluation that was cut off has not happened, and the next one sees the same buckets again.
"""

from __future__ import annotations

from datetime import datetime

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ecom_platform.alerts.documents import EVALUATOR, memory_of, memory_to_document, updates, watch_of
from ecom_platform.alerts.evaluate import Evaluation, Memory, evaluate
from ecom_platform.alerts.reader import read_facts
from ecom_platform.contract.times import in_milliseconds
from ecom_platform.errors import Fenced
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import ALERTS
from ecom_platform.store.transactions import in_transaction


def evaluate_now(db: MongoDatabase, topic: str, now: datetime, *, loading: bool = False) -> Evaluation:
    """One evaluation at `now` (UTC), written when it returns.

    Raises:
        UnavailableError: MongoDB does not answer; nothing was written, the next evaluation makes up for it.
        Fenced: another evaluator has written meanwhile; nothing was written.
    """
    memory, version = read_memory(db)
    now = in_milliseconds(now)
    done = evaluate(memory, read_facts(db, topic, now, memory.judged_until, loading=loading))
    write(db, done, version, now)
    return done


def read_memory(db: MongoDatabase) -> tuple[Memory, int]:
    """What the last evaluation left, and its number (0: none); alerts that are open without one are watched on."""
    with mongo_errors("reading what the alert evaluator remembers"):
        row = db[ALERTS].find_one({"_id": EVALUATOR})
        if row is not None:
            return memory_of(row), row["version"]
        return Memory(watches=tuple(watch_of(one) for one in db[ALERTS].find({"open": True}))), 0


def write(db: MongoDatabase, done: Evaluation, version: int, now: datetime) -> None:
    """Write alerts and memory after evaluation number `version`. Raises as `evaluate_now`."""
    changes = updates(done.happenings, now)
    memory = {**memory_to_document(done.memory), "version": version + 1, "evaluated_at": now}

    def work(session: ClientSession) -> None:
        # The first write, so that of two evaluators one stops here.
        _replace_memory(db, version, memory, session)
        if changes:
            db[ALERTS].bulk_write(changes, ordered=True, session=session)

    in_transaction(db, "writing alerts", work)


def _replace_memory(db: MongoDatabase, version: int, memory: Document, session: ClientSession) -> None:
    known = {"_id": EVALUATOR, "version": version}
    first = version == 0
    fenced = Fenced("Another alert evaluator has written meanwhile; nothing of this evaluation was kept.")
    try:
        replaced = db[ALERTS].replace_one(known, memory, upsert=first, session=session)
    except DuplicateKeyError as error:
        raise fenced from error
    if not first and not replaced.matched_count:
        raise fenced
