"""Reading the store as it was at one cluster time, from any process: everything read from `database_at` is of it.

The server keeps five minutes of history; an instant that has passed out of it ends in an InstantExpired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from ecom_platform.errors import UnavailableError, UsageError
from ecom_platform.store.client import MongoDatabase, mongo_errors

T = TypeVar("T")

SNAPSHOT_TOO_OLD: Final = (239, 246)
"""What the server answers when it no longer keeps an instant."""


class InstantExpired(UnavailableError):
    """The server no longer keeps this instant: nothing is wrong, start again at a new one."""


class SnapshotAt(ReadConcern):
    """The read concern of one cluster time; unlike a session's, it can be sent to another process."""

    def __init__(self, at: Timestamp) -> None:
        super().__init__("snapshot")
        self._at = at

    @property
    def document(self) -> dict[str, Any]:
        """As it is sent to the server."""
        return {"level": "snapshot", "atClusterTime": self._at}


def read_cluster_time(db: MongoDatabase) -> Timestamp:
    """The instant now: a time at which every write that was acknowledged before is seen. Raises UnavailableError."""
    with mongo_errors("reading the cluster time"):
        # The last write of the primary; a read at it waits until it is the majority's.
        at: Timestamp = db.command("ping")["operationTime"]
    return at


def database_at(db: MongoDatabase, at: Timestamp) -> MongoDatabase:
    """The same database as it was at a cluster time; reads only, without a session."""
    return db.with_options(read_concern=SnapshotAt(at))


@contextmanager
def instant_errors(doing: str) -> Iterator[None]:
    """As `mongo_errors`, for reads of a past instant. Raises InstantExpired, and what `mongo_errors` raises."""
    try:
        with mongo_errors(doing):
            yield
    except OperationFailure as error:
        if error.code not in SNAPSHOT_TOO_OLD:
            raise
        raise InstantExpired(
            f"MongoDB no longer keeps the instant at which {doing} began (it keeps five minutes). Nothing was changed; "
            "run the command again, for fewer days if it takes that long."
        ) from error


def read_at_one_instant(db: MongoDatabase, read: Callable[[Timestamp], T], *, attempts: int = 3) -> T:
    """Call `read` with the cluster time now; begin again at a new one when the server dropped it meanwhile.

    Raises:
        InstantExpired: it took longer than the server keeps instants, each time.
        UnavailableError: MongoDB does not answer.
    """
    for _ in range(attempts - 1):
        try:
            return read(read_cluster_time(db))
        except InstantExpired:
            continue
    return read(read_cluster_time(db))


def cluster_time_text(at: Timestamp) -> str:
    """`seconds:increment`: a cluster time as an option or argument."""
    return f"{at.time}:{at.inc}"


def cluster_time_from(text: str) -> Timestamp:
    """What `cluster_time_text` wrote. Raises UsageError."""
    seconds, _, increment = text.partition(":")
    try:
        return Timestamp(int(seconds), int(increment))
    except ValueError as error:
        raise UsageError(f"{text!r} is no cluster time; expected seconds:increment.") from error
