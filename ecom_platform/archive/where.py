"""Where an order is, right now: hot in MongoDB, or in which file of the archive."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecom_platform.archive.files import read_archived
from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.layout import ROOT, file_day
from ecom_platform.settings import Settings
from ecom_platform.store.archived import ArchivedIds, read_archived_ids
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import LATE_EVENTS, ORDERS
from ecom_platform.store.manifests import Manifest, RunKind


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where an order counts.

    Attributes:
        place: `hot`, `archived` or `unknown`.
        day: UTC day of the order.
        run: that archived it, also when a compaction wrote the file since, and of a hot order that was archived
            before or is about to be purged.
        path: of the file that holds it, when it is archived.
        late_events: events that wait until the order is brought back.
    """

    order_id: int
    place: str
    day: str | None = None
    run: str | None = None
    path: str | None = None
    late_events: int = 0

    def sentence(self) -> str:
        """For people."""
        late = f"; {self.late_events} late event(s) pending" if self.late_events else ""
        if self.place == "hot":
            copied = f", also in the files of run {self.run}" if self.run else ""
            return f"Order {self.order_id} is hot: in MongoDB, day {self.day}{copied}{late}."
        if self.place == "archived":
            return f"Order {self.order_id} is archived: day {self.day}, run {self.run}, {self.path}{late}."
        return f"Order {self.order_id} is unknown: neither in MongoDB nor archived{late}."


def where(settings: Settings, db: MongoDatabase, order_id: int) -> Whereabouts:
    """Look an order up. Raises UnavailableError, ConfigurationError."""
    with mongo_errors("looking for an order"), db.client.start_session(snapshot=True) as session:
        hot = db[ORDERS].find_one({"_id": order_id}, {"order_date": 1}, session=session)
        late = db[LATE_EVENTS].count_documents({"order_id": order_id}, session=session)
        archived = read_archived_ids(db, session=session)
    manifest = archived.run_of(order_id)
    run = manifest.run if manifest else None
    if hot is not None:
        return Whereabouts(order_id, "hot", hot["order_date"], run, late_events=late)
    if manifest is None:
        return Whereabouts(order_id, "unknown", late_events=late)
    path = _path_of(settings, archived, manifest, order_id)
    day = file_day(path) if path else None
    return Whereabouts(order_id, "archived", day, run, f"{ROOT}/{path}" if path else None, late)


def _path_of(settings: Settings, archived: ArchivedIds, run: Manifest, order_id: int) -> str | None:
    """The file with the order's row: one of the run that archived it, or of a compaction that took that over."""
    client = connect_hdfs(settings)
    for manifest in (each.manifest for each in archived.runs):
        if order_id not in manifest.superseded and (manifest.run == run.run or manifest.kind == RunKind.COMPACTION):
            for file in manifest.files:
                if file_day(file.path) in run.days and _holds(read_archived(client, ROOT, file), order_id):
                    return file.path
    return None


def _holds(content: bytes, order_id: int) -> bool:
    ids = pq.read_table(pa.BufferReader(content), columns=["order_id"])
    return len(ids.filter(pc.field("order_id") == order_id)) > 0
