"""Reading the store as it was at one instant, while the stream goes on writing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from ecom_platform.errors import UnavailableError
from ecom_platform.store import MongoDatabase, mongo_errors, read_offsets
from ecom_platform.store.cluster_time import SNAPSHOT_TOO_OLD
from ecom_platform.store.collections import ARCHIVE_MANIFESTS, ARCHIVE_STATE

T = TypeVar("T")


def at_one_time(db: MongoDatabase, topic: str, read: Callable[[ClientSession], T]) -> T:
    """Run `read` on a session whose every query sees the same instant.

    The server keeps instants for five minutes only. A longer reading is repeated without one, and counts if the stream
    applied nothing and the archive ended no step meanwhile; hot orders must be read before cold ones.

    Raises:
        UnavailableError: MongoDB does not answer, or the store changed under a reading of more than five minutes.
    """
    with mongo_errors("reading the store at one instant"):
        try:
            with db.client.start_session(snapshot=True) as session:
                return read(session)
        except OperationFailure as error:
            if error.code not in SNAPSHOT_TOO_OLD:
                raise
        before = _standing(db, topic)
        with db.client.start_session() as session:
            found = read(session)
        if _standing(db, topic) == before:
            return found
    raise UnavailableError(
        "The store is too large to be read within the five minutes the server keeps an instant, and the stream or the "
        "archive wrote meanwhile. Nothing was decided. Stop the stream with `ecom down` or in the Dagster UI, then "
        "`ecom reconcile`."
    )


def _standing(db: MongoDatabase, topic: str) -> tuple[Any, ...]:
    """Where the stream and the archive stand; orders that a run deletes meanwhile count from the files either way."""
    runs = list(db[ARCHIVE_MANIFESTS].find({}, {"state": 1, "superseded": 1}).sort("_id"))
    return read_offsets(db, topic), list(db[ARCHIVE_STATE].find().sort("_id")), runs
