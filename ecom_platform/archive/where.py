"""Where an order is, right now: hot in MongoDB, or in which file of the archive."""

from __future__ import annotations

from dataclasses import dataclass

from ecom_platform.archive.layout import ROOT, file_day
from ecom_platform.archive.lookup import find_archived
from ecom_platform.settings import Settings
from ecom_platform.store.archived import read_archived_ids
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import LATE_EVENTS, ORDERS


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
    found = find_archived(settings, archived, order_id)
    path = found.places[0].path if found else None
    day = file_day(path) if path else None
    return Whereabouts(order_id, "archived", day, run, f"{ROOT}/{path}" if path else None, late)
