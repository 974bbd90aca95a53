"""How long an order takes from the shop to MongoDB at one order per second, with the default trigger.

The clock starts when the event is made and ends with the commit, as MongoDB's change stream dates it.

    python -m benchmarks.latency [--orders 120]
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from pymongo.errors import PyMongoError

from benchmarks.bench import SEED, own_platform, with_database
from ecom_platform.settings import Settings
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.run import simulate
from ecom_platform.store import MongoDatabase, database
from ecom_platform.streaming.child import end_group
from ecom_platform.streaming.process import StreamCommand, start_stream

WARM_UP_ORDERS = 20


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=120)
    options = parser.parse_args()
    with own_platform() as settings:
        seconds = sorted(measure(with_database(settings, "latency"), options.orders))
    p50, p95 = statistics.median(seconds), seconds[int(len(seconds) * 0.95)]
    print(f"event to MongoDB, {len(seconds)} orders at 1/s: p50 {p50:.2f} s, p95 {p95:.2f} s, most {seconds[-1]:.2f} s")


def measure(settings: Settings, orders: int) -> list[float]:
    """Seconds of each order, the first ones left out: they pay for the start of Spark's workers."""
    db = database(settings)
    committed: dict[int, datetime] = {}
    child = start_stream(settings, StreamCommand(token=1), settings.logs / "latency.log")
    try:
        changes = db["orders"].watch([{"$match": {"operationType": "insert"}}])
        watcher = threading.Thread(target=_watch, args=(changes, committed), daemon=True)
        watcher.start()
        simulate(settings, orders=WARM_UP_ORDERS, seed=SEED, dimensions=default_shop(SEED))
        _await(db, WARM_UP_ORDERS)
        warm = set(committed)
        simulate(settings, orders=orders, seed=SEED, dimensions=default_shop(SEED))
        _await(db, WARM_UP_ORDERS + orders)
        time.sleep(1.0)
        placed = {row["_id"]: row["order_time"] for row in db["orders"].find({}, {"order_time": 1})}
        return [(at - placed[number]).total_seconds() for number, at in committed.items() if number not in warm]
    finally:
        end_group(child)
        db.client.close()


def _watch(changes: Any, committed: dict[int, datetime]) -> None:
    with suppress(PyMongoError):  # the client is closed under it at the end
        for change in changes:
            committed[change["documentKey"]["_id"]] = change["wallTime"]


def _await(db: MongoDatabase, orders: int) -> None:
    deadline = time.monotonic() + 120
    while db["orders"].count_documents({}) < orders:
        assert time.monotonic() < deadline, "the stream did not apply the orders"
        time.sleep(0.1)


if __name__ == "__main__":
    main()
