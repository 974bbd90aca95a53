"""How long an archive run takes, against the least that moving the same orders can take.

The floor reads the same documents with pymongoarrow, writes them as Parquet to HDFS with pyarrow and deletes them with
pymongo; it verifies nothing, survives nothing, and no one could read both sides meanwhile. The archive run is the whole
of `ecom archive` without the start of its Spark session. No stream is running. Both alternate in one process.

    python -m benchmarks.archive [--megabytes 300] [--repeat 3]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from pymongoarrow.api import Schema, find_arrow_all

from benchmarks.bench import fill_topic, own_platform, with_database
from ecom_platform.archive.hdfs import arrow_file_system, connect_hdfs
from ecom_platform.archive.run import archive
from ecom_platform.archive.spark_write import archive_session
from ecom_platform.local.hdfs import HDFS
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, database
from ecom_platform.store import collections as names
from ecom_platform.streaming.process import StreamCommand, start_stream
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

SEED_ORDERS = 60_000
SHIFT = 10**9  # between the ids of an order and its copies; no shop gets there
DELETED_AT_ONCE = 10_000
_ARCHIVE = (names.ARCHIVE_STATE, names.ARCHIVE_MANIFESTS, names.ARCHIVED_IDS, names.ORDERS_ARCHIVE_SUMMARY)


@dataclass
class Load:
    """The orders to move, kept aside in a database of their own."""

    settings: Settings
    db: MongoDatabase
    orders: int
    megabytes: float

    def restore(self) -> None:
        """Put every order back, and forget that any was archived."""
        for name in (*_ARCHIVE, names.ORDERS):
            self.db[name].delete_many({})
        target = {"db": self.db.name, "coll": names.ORDERS}
        self.db.client["seed"][names.ORDERS].aggregate([{"$merge": {"into": target}}])
        assert self.db[names.ORDERS].estimated_document_count() == self.orders


def main() -> None:
    """Measure both in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with own_platform((KAFKA, MONGODB, HDFS)) as settings:
        load = prepare(settings, options.megabytes * 1_000_000)
        floors, runs = [], []
        with archive_session(load.settings) as spark:
            for _ in range(options.repeat):
                floors.append(timed(load, lambda: floor(load)))
                runs.append(timed(load, lambda: archive(load.settings, load.db, spark=spark)))
                print(f"floor {floors[-1]:.1f} s, archive {runs[-1]:.1f} s", flush=True)
    ratios = sorted(run / least for run, least in zip(runs, floors, strict=True))
    spread = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"\n{load.orders:,} orders, {load.megabytes:.0f} MB")
    print(f"floor {statistics.median(floors):.1f} s, archive run {statistics.median(runs):.1f} s (medians)")
    print(f"ratio {statistics.median(ratios):.2f} ({spread})")


def prepare(settings: Settings, size_bytes: int) -> Load:
    """Real orders through the real stream, then copies of them under other ids until there are enough."""
    at_once = {"archive_older_than": timedelta(0), "archive_open_after": timedelta(0)}
    own = with_database(settings, "archive_bench").model_copy(update=at_once)
    fill_topic(own, SEED_ORDERS, only_placed=False)
    log_file = own.logs / "bench-stream.log"
    assert start_stream(own, StreamCommand(token=1, available_now=True), log_file).wait() == 0, log_file.read_text()
    db = database(own)
    kept = db.client["seed"][names.ORDERS]
    db[names.ORDERS].aggregate([{"$out": {"db": "seed", "coll": names.ORDERS}}])
    copies = -(-size_bytes // db.command("collStats", names.ORDERS)["size"])
    for number in range(1, copies):
        moved = {"$set": {"_id": {"$add": ["$_id", number * SHIFT]}}}
        original = {"$match": {"_id": {"$lt": SHIFT}}}
        kept.aggregate([original, moved, {"$merge": {"into": {"db": "seed", "coll": names.ORDERS}}}])
    stats = db.client["seed"].command("collStats", names.ORDERS)
    return Load(own, db, stats["count"], stats["size"] / 1e6)


def timed(load: Load, work: Callable[[], object]) -> float:
    """Seconds of one run over all orders, which must be gone from MongoDB afterwards."""
    load.restore()
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    assert load.db[names.ORDERS].count_documents({}) == 0
    return seconds


def floor(load: Load) -> None:
    """Read, write, delete; nothing else."""
    orders = load.db[names.ORDERS]
    columns = {"_id": pa.int64(), **{field.name: in_milliseconds(field.type) for field in list(ORDER_SCHEMA)[1:]}}
    table = find_arrow_all(orders, {}, schema=Schema(columns))
    files = arrow_file_system(load.settings)
    connect_hdfs(load.settings).mkdirs("/bench", 0o755, True)
    days = table.column("order_date")
    for day in days.unique().to_pylist():
        rows = table.filter(pa.compute.equal(days, day))
        with files.open_output_stream(f"/bench/{day}.snappy.parquet") as stream:
            pq.write_table(rows, stream, compression="snappy")
    ids = table.column("_id").to_pylist()
    for first in range(0, len(ids), DELETED_AT_ONCE):
        orders.delete_many({"_id": {"$in": ids[first : first + DELETED_AT_ONCE]}})


def in_milliseconds(kind: pa.DataType) -> pa.DataType:
    """The type with its times as MongoDB has them."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms", "UTC")
    if pa.types.is_list(kind):
        return pa.list_(in_milliseconds(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(part.name, in_milliseconds(part.type)) for part in kind])
    return kind


if __name__ == "__main__":
    main()
