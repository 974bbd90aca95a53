"""An archive made by hand, in the shapes of the real one: Parquet files, manifests, bitmaps; no Spark."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from bson.binary import Binary
from pyroaring import BitMap64

from ecom_platform.archive.hdfs import arrow_file_system
from ecom_platform.archive.layout import ROOT, published_path
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, read_offsets
from ecom_platform.store.manifests import ArchivedFile, Frontier, Manifest, RunKind, RunState
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

Document = dict[str, Any]
FILE_SCHEMA = ORDER_SCHEMA.remove(ORDER_SCHEMA.get_field_index("order_date"))


def archive(settings: Settings, db: MongoDatabase, order_ids: Iterable[int], run: str = "run-1") -> None:
    """Archive hot orders: written, committed, purged."""
    order_ids = list(order_ids)
    commit(settings, db, order_ids, run)
    purge(db, run, order_ids)


def commit(settings: Settings, db: MongoDatabase, order_ids: Collection[int], run: str = "run-1") -> None:
    """Write hot orders and commit the run; the rows stay. File names carry the database, because tests share HDFS."""
    offsets = read_offsets(db, settings.topic)
    by_day: dict[str, list[Document]] = defaultdict(list)
    for order in db.orders.find({"_id": {"$in": list(order_ids)}}):
        by_day[order["order_date"]].append(order)
    files = [write(settings, f"{run}-{db.name}", day, orders) for day, orders in sorted(by_day.items())]
    ids = BitMap64(order_ids)
    db.archive_state.update_one({"_id": "archive"}, {"$inc": {"epoch": 1}}, upsert=True)
    epoch = db.archive_state.find_one({"_id": "archive"})["epoch"]
    db.archived_ids.insert_one({"_id": f"{run}/0", "run": run, "part": 0, "ids": bitmap(ids)})
    db.archive_manifests.insert_one(
        {
            "_id": run,
            "kind": "archive",
            "token": 1,
            "state": "COMMITTED",
            "days": sorted(by_day),
            "policy": {},
            "frontier": {
                "topic_id": next((part.topic_id for part in offsets.values()), ""),
                "next": {str(number): part.next for number, part in offsets.items()},
            },
            "rows": len(ids),
            "checksum": "",
            "files": files,
            "superseded": None,
            "verdict": None,
            "epoch": epoch,
            "times": {},
        }
    )


def purge(db: MongoDatabase, run: str, order_ids: Collection[int]) -> None:
    """Delete the committed rows, by id; the run is done."""
    db.orders.delete_many({"_id": {"$in": list(order_ids)}})
    db.archive_manifests.update_one({"_id": run}, {"$set": {"state": "DONE"}})


def write(settings: Settings, run: str, day: str, orders: list[Document]) -> Document:
    """Write a file of a day as the archive would; what a manifest says of it."""
    rows = [{**order, "order_id": order["_id"]} for order in orders]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=FILE_SCHEMA), sink, compression="snappy")
    content = sink.getvalue().to_pybytes()
    path = published_path(run, 1, day, 0)
    put(settings, f"{ROOT}/{path}", content)
    return {"path": path, "bytes": len(content), "rows": len(rows), "checksum": hashlib.sha256(content).hexdigest()}


def put(settings: Settings, path: str, content: bytes) -> None:
    """Write a file, in a folder that need not be there."""
    files = arrow_file_system(settings)
    files.create_dir(path.rpartition("/")[0], recursive=True)
    with files.open_output_stream(path) as stream:
        stream.write(content)


def manifest(*files: ArchivedFile, run: str = "1", **changes: Any) -> Manifest:
    """An archive run that is done, with these files; other fields as they are given."""
    rows = sum(file.rows for file in files)
    usual = Manifest(
        run, RunKind.ARCHIVE, 1, RunState.DONE, (), {}, Frontier("", {}), rows, "", files, BitMap64(), None, 1, {}
    )
    return replace(usual, **changes)


def rows(settings: Settings, db: MongoDatabase) -> list[Document]:
    """Every row in the files of all runs, those that count elsewhere as well."""
    paths = [f"{ROOT}/{file['path']}" for run in db.archive_manifests.find() for file in run["files"]]
    return ds.dataset(paths, format="parquet", filesystem=arrow_file_system(settings)).to_table().to_pylist()


def superseded(db: MongoDatabase, run: str = "run-1") -> set[int]:
    """The ids of a run that count elsewhere."""
    stored = db.archive_manifests.find_one({"_id": run})["superseded"]
    return set(BitMap64.deserialize(bytes(stored))) if stored else set()


def bitmap(ids: Iterable[int]) -> Binary:
    """Ids as they are stored."""
    return Binary(BitMap64(ids).serialize())
