"""Orders that an archive run takes or leaves, and where they are afterwards, read without the archive's own code."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap64

from ecom_platform.archive.hdfs import arrow_file_system, connect_hdfs
from ecom_platform.archive.layout import ROOT
from ecom_platform.archive.policy import Policy
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform_tests.kpi.stored import NOW, random_order

Document = dict[str, Any]

POLICY = Policy.at(NOW, timedelta(days=1), timedelta(days=30))
CLOSED = ("Delivered", "Returned", "Cancelled")


def fill(db: MongoDatabase, count: int = 400, seed: int = 1, days: int = 6) -> dict[int, Document]:
    """Store random orders in every state; return them by id. Some have unknown fields, some a version above 1."""
    chance = random.Random(seed)
    orders = []
    for order_id in range(1, count + 1):
        order = random_order(chance, order_id, days=days)
        order |= {"version": len(order["delivery"]["history"]), "src": {"partition": 0, "offset": order_id}}
        if order_id % 10 == 0:
            order["extra"] = '{"gift": true}'
        orders.append(order)
    ensure_schema(db)
    db.orders.insert_many(orders)
    return {order["_id"]: order for order in orders}


def due(orders: Mapping[int, Document]) -> set[int]:
    """The ids that a run under POLICY takes: closed, and placed more than a day before NOW."""
    return {
        number
        for number, order in orders.items()
        if order["delivery"]["status"] in CLOSED and NOW - order["order_time"] > timedelta(days=1)
    }


def everything(settings: Settings, db: MongoDatabase) -> dict[int, Document]:
    """Every order as a reader counts it, hot or cold; fails when one counts twice."""
    hot = {row["_id"]: row for row in db.orders.find()}
    found = {number: plain(row) for number, row in hot.items()}
    for row, done in cold_rows(settings, db):
        number = row["order_id"]
        if number in hot and not done:
            continue
        assert number not in found, f"order {number} counts twice"
        found[number] = plain(row)
    return found


def cold_rows(settings: Settings, db: MongoDatabase) -> Iterable[tuple[Document, bool]]:
    """The rows that committed manifests let count, and whether their run is done."""
    files = arrow_file_system(settings)
    for manifest in db.archive_manifests.find({"state": {"$in": ["COMMITTED", "PURGING", "DONE"]}}):
        stored = manifest["superseded"]
        superseded = BitMap64.deserialize(bytes(stored)) if stored else BitMap64()
        for file in manifest["files"]:
            with files.open_input_file(f"{ROOT}/{file['path']}") as stream:
                rows = pq.ParquetFile(pa.BufferReader(stream.read())).read().to_pylist()
            day = file["path"].split("/")[0].removeprefix("order_date=")
            for row in rows:
                if row["order_id"] not in superseded:
                    yield {**row, "order_date": day}, manifest["state"] == "DONE"


def plain(value: Any) -> Any:
    """The same for a document and a row: `_id` is the order's, what is missing or null is left out."""
    if isinstance(value, Mapping):
        named = {"order_id" if name == "_id" else name: plain(item) for name, item in value.items()}
        return {name: item for name, item in named.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def expected(orders: Mapping[int, Document]) -> dict[int, Document]:
    """What `everything` must find."""
    return {number: plain(order) for number, order in orders.items()}


class At:
    """Does something once, when a step of a run is over (`done` = None), or in its middle."""

    def __init__(self, step: str, act: Callable[[], None], *, middle: bool = False) -> None:
        self.step, self.act, self.middle, self.happened = step, act, middle, False

    def __call__(self, step: str, done: int, total: int) -> None:
        """As a run reports its progress."""
        if step == self.step and (done < total) is self.middle and not self.happened:
            self.happened = True
            self.act()


def listed(settings: Settings) -> set[str]:
    """What a listing of the archive shows, below its root."""
    statuses = connect_hdfs(settings).list_status(ROOT, recursive=True)
    return {status.path.removeprefix(f"{ROOT}/") for status in statuses if not status.isdir}
