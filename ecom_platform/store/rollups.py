"""Writes increments of rollup documents, inside the transaction that writes the facts they count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ecom_platform.kpi import Increment
from ecom_platform.store.client import MongoCollection, MongoDatabase


def add_increments(db: MongoDatabase, increments: Iterable[Increment], session: ClientSession) -> None:
    """Add increments, sorted by collection, to their documents; the caller is the only writer of their partition."""
    for collection, group in groupby(increments, key=attrgetter("collection")):
        _add_to(db[collection], list(group), session)


def _add_to(collection: MongoCollection, increments: Sequence[Increment], session: ClientSession) -> None:
    """Insert new documents whole, which spares the server a walk per field; add to those that exist.

    No one else writes this partition's documents, and the transaction sees one snapshot, so that what is missing in
    the first answer is still missing when it is inserted.
    """
    ids = [increment.id for increment in increments]
    existing = {row["_id"] for row in collection.find({"_id": {"$in": ids}}, {"_id": 1}, session=session)}
    new = [increment.document() for increment in increments if increment.id not in existing]
    if new:
        collection.insert_many(new, ordered=False, session=session)
    added = [
        UpdateOne({"_id": increment.id}, {"$inc": increment.amounts})
        for increment in increments
        if increment.id in existing
    ]
    if added:
        collection.bulk_write(added, ordered=False, session=session)
