"""A small shop whose archive is due for a compaction, and what must be true after one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from ecom_platform.archive.archiver_lease import Archiver, held_archiver
from ecom_platform.archive.compact import compact
from ecom_platform.archive.hdfs import arrow_file_system, connect_hdfs
from ecom_platform.archive.layout import ROOT, manifest_copy
from ecom_platform.archive.policy import Policy
from ecom_platform.archive.run import archive
from ecom_platform.contract import Status
from ecom_platform.store.leases import ARCHIVER_ROLE
from ecom_platform.store.manifests import Manifest, read_manifests
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import PLACED_AT, placed, stepped

SHIPPED, DELIVERED = Status.SHIPPED, Status.DELIVERED
HOT, COLD = 1, {2, 3, 4, 5, 6}
TOPIC = [
    *(placed(number) for number in range(1, 7)),
    *(stepped(number, SHIPPED) for number in range(1, 7)),
    stepped(HOT, DELIVERED, hours=5),
]
NOTHING = Policy.at(PLACED_AT, timedelta(days=100), timedelta(days=100))
STEPS = (0, 1, 2, 3)
"""Of one day: before it is written, after, when the files are in place, after the transaction."""


def run_compaction(shop: Shop, at: dict[int, Callable[[Archiver], None]] | None = None) -> list[Manifest]:
    """Compact; `at` says what happens meanwhile, by the steps that are done."""

    def progress(step: str, done: int, total: int) -> None:
        happens = (at or {}).pop(done, None)
        if happens:
            happens(held[0])

    held: list[Archiver] = []
    with held_archiver(shop.settings, shop.db, progress=progress) as archiver:
        held.append(archiver)
        return compact(archiver)


def plain_files(shop: Shop) -> pa.Table:
    """What somebody sees who knows nothing of manifests."""
    return ds.dataset(ROOT, filesystem=arrow_file_system(shop.settings), partitioning="hive").to_table()


def after_the_grace(shop: Shop) -> None:
    """The next archive run, later."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    shop.db.archive_manifests.update_many({"kind": "compaction"}, {"$set": {"replaced.$[].until": long_ago}})
    archive(shop.settings, shop.db, NOTHING)


def copy_of(shop: Shop, run: str) -> Any:
    """The copy of a manifest in HDFS."""
    return json.loads(connect_hdfs(shop.settings).read(manifest_copy(run)).read())


def give_up_role(shop: Shop) -> None:
    """What happens by itself when the holder's process is gone, or after half a minute."""
    shop.db.leases.update_one({"_id": ARCHIVER_ROLE}, {"$set": {"owner": None}})


def demand_compacted(shop: Shop, before: dict[int, dict[str, Any]]) -> None:
    """Everything in one file, its manifest and its copies in HDFS, and nothing else after the grace."""
    assert shop.orders() == before
    [compacted] = [run for run in read_manifests(shop.db) if run.files]
    copies = [copy_of(shop, run.run) for run in read_manifests(shop.db)]
    assert [file["path"] for copy in copies for file in copy["files"]] == [f"{ROOT}/{compacted.files[0].path}"]
    after_the_grace(shop)
    assert sorted(plain_files(shop).column("order_id").to_pylist()) == sorted(COLD)
