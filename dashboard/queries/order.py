"""One order, wherever it is stored: in MongoDB, or in a file of the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecom_platform.archive.lookup import find_archived
from ecom_platform.contract.rules import MAX_ID
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.archived import read_archived_ids
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import LATE_EVENTS, ORDERS


@dataclass(frozen=True)
class FoundOrder:
    """An order and where it is.

    Attributes:
        document: as the stream stored it; None when there is no such order, or its file cannot be read.
        stored: a sentence: where it is, or why it cannot be shown.
        late_events: events that wait until the archived order is brought back.
    """

    document: dict[str, Any] | None
    stored: str
    late_events: int = 0


def order_number(text: str) -> int | None:
    """The number in what was typed, if an order can have it."""
    few_digits = text.isdecimal() and len(text) <= len(str(MAX_ID))
    return int(text) if few_digits and 0 < int(text) <= MAX_ID else None


def find_order(settings: Settings, db: MongoDatabase, order_id: int) -> FoundOrder:
    """Look in MongoDB first: a hot order always counts from there."""
    hot = db[ORDERS].find_one({"_id": order_id})
    if hot is not None:
        return FoundOrder(hot, "Stored in MongoDB.")
    archived = read_archived_ids(db)
    manifest = archived.run_of(order_id)
    if manifest is None:
        return FoundOrder(None, f"There is no order {order_id}, neither in MongoDB nor in the archive.")
    late_events = db[LATE_EVENTS].count_documents({"order_id": order_id})
    try:
        found = find_archived(settings, archived, order_id)
    except (UnavailableError, ConfigurationError) as error:
        # Not MongoDB's failure: the rest of the page goes on, and this says what is away.
        return FoundOrder(None, f"Archived by run {manifest.run}, which cannot be read now. {error}", late_events)
    if found is None:
        return FoundOrder(None, f"Archived by run {manifest.run}, but no file of it holds the order.", late_events)
    return FoundOrder(dict(found.document), f"Archived: run {manifest.run}, {found.places[0].path}.", late_events)
