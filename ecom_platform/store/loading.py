"""Whether history is being loaded: what each loader says of itself, and what screens and sensors make of it.

A loader repeats its word every second. One that has died says nothing any more, and what it said last counts for 20
seconds (by the server's clock): so nothing says that history is loading when its loader is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import LOADING

EXPIRES_AFTER_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Loading:
    """History is being loaded.

    Attributes:
        share: how much of it is there, 0 to 1.
        known_from: every order that was placed from this instant on is in the figures, in the state it is in. Of
            earlier orders some are missing.
    """

    share: float
    known_from: datetime


def write_loading(db: MongoDatabase, role: str, loading: Loading | None, first_order_id: int | None = None) -> None:
    """Say how far a loader is; it replaces what was said before.

    Args:
        role: of the loader; each has a document of its own.
        loading: None: it loads nothing (any more).
        first_order_id: the first order that it placed live since it was started, if it does such a thing.

    Raises:
        UnavailableError: MongoDB does not answer.
    """
    said = {
        "share": None if loading is None else loading.share,
        "known_from": None if loading is None else loading.known_from,
        "first_order_id": first_order_id,
        "expires_at": {"$add": ["$$NOW", int(EXPIRES_AFTER_SECONDS * 1000)]},
    }
    with mongo_errors("recording how far the history is loaded"):
        db[LOADING].update_one({"_id": role}, [{"$set": said}], upsert=True)


def read_loading(db: MongoDatabase) -> Loading | None:
    """What is being loaded, None when nothing is; of several loaders the one that is least far counts.

    Raises:
        UnavailableError: MongoDB does not answer.
    """
    alive = {"$expr": {"$gt": ["$expires_at", "$$NOW"]}, "known_from": {"$ne": None}}
    with mongo_errors("reading how far the history is loaded"):
        rows = list(db[LOADING].find(alive))
    if not rows:
        return None
    return Loading(min(row["share"] for row in rows), max(row["known_from"] for row in rows))


def read_first_order(db: MongoDatabase, role: str) -> int | None:
    """The first order that the loader placed live since it was started; None: none yet. Raises UnavailableError."""
    with mongo_errors("reading which order was the first"):
        row = db[LOADING].find_one({"_id": role}, {"first_order_id": 1})
    return None if row is None else row["first_order_id"]
