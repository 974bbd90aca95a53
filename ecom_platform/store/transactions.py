"""What goes into one transaction: as much as a server takes, and less where it refuses or gives it up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from bson.errors import InvalidDocument
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DocumentTooLarge, NetworkTimeout, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ecom_platform.store.client import MongoDatabase, mongo_errors

T = TypeVar("T")

# What the server answers to a document it cannot hold; anything else is not the data's fault.
_DATA_ERROR_CODES = frozenset({2, 9, 14, 22, 28, 52, 10334, 17280, 17419, 17420})
_REFUSED_BY_THE_DRIVER = (InvalidDocument, DocumentTooLarge, OverflowError)
# NoSuchTransaction: what a statement hears when the server ended its transaction; and the limit by its name.
_GIVEN_UP_CODES: Final = frozenset({251, 290})
# Once is what a restart of the server looks like, too.
_ATTEMPTS: Final = 2


def in_batches(items: Iterable[T], size_of: Callable[[T], int], most_items: int, most_size: int) -> Iterator[list[T]]:
    """Cut items into batches, in their order; a batch holds at least one item, however large."""
    batch: list[T] = []
    total = 0
    for item in items:
        size = size_of(item)
        if batch and (len(batch) >= most_items or total + size > most_size):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch


def commit_in_halves(
    items: Sequence[T], commit: Callable[[Sequence[T]], None], alone: Callable[[T, Exception], Sequence[T]]
) -> None:
    """Commit items in their order: in one transaction, or in halves of it where the server refuses or gives up.

    Args:
        commit: one transaction, all of it or nothing.
        alone: asked about a single item that is to blame: what to commit in its place, which may be nothing. It may
            also raise; what was committed before stays.

    Raises:
        Exception: what `commit` raised, where it is neither the data's fault nor a matter of size.
    """
    pending = [list(items)] if items else []
    while pending:
        part = pending.pop()
        try:
            commit(part)
        except (PyMongoError, *_REFUSED_BY_THE_DRIVER) as error:
            if not (is_data_error(error) or gave_up(error)):
                raise
            middle = len(part) // 2
            rest = [part[middle:], part[:middle]] if middle else [list(alone(part[0], error))]
            pending += filter(None, rest)


def is_data_error(error: Exception) -> bool:
    """Whether the server, or its driver, refused a document for what is in it."""
    if isinstance(error, BulkWriteError):
        codes = {item.get("code") for item in error.details.get("writeErrors", ())}
        return bool(codes & _DATA_ERROR_CODES)
    if isinstance(error, OperationFailure):
        return error.code in _DATA_ERROR_CODES
    return isinstance(error, _REFUSED_BY_THE_DRIVER)


def gave_up(error: Exception) -> bool:
    """Whether the server gave the transaction up, again and again: one that is open for too long, or too large.

    The driver reports that as a timeout of the network, when it has tried for two minutes; the server's answer is the
    cause.
    """
    answered = isinstance(error, OperationFailure) or isinstance(error.__cause__, OperationFailure)
    return answered and isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")


def in_transaction(db: MongoDatabase, doing: str, work: Callable[[ClientSession], T]) -> T:
    """Run `work` in one transaction at one snapshot, again when it was interrupted in passing; what it returns.

    Args:
        doing: what is being done, as it should read after "MongoDB failed while".

    Raises:
        UnavailableError: MongoDB does not answer; nothing of it is stored, or all.
    """
    with mongo_errors(doing), db.client.start_session() as session:
        return session.with_transaction(
            work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)
        )


class _GivenUp(Exception):
    """Ends the driver's own retries."""


def run_transaction(session: ClientSession, work: Callable[[ClientSession], T], **options: Any) -> T:
    """As `with_transaction`; but a transaction that the server gave up twice ends with what the server said.

    The driver would repeat it for two minutes and then raise a network's time-out, from which one cannot tell that a
    smaller transaction would do.

    Raises:
        OperationFailure: labelled TransientTransactionError, when the server gave it up.
    """
    given_up: list[OperationFailure] = []

    def attempt(session: ClientSession) -> T:
        try:
            return work(session)
        except OperationFailure as error:
            if error.code in _GIVEN_UP_CODES:
                given_up.append(error)
                if len(given_up) >= _ATTEMPTS:
                    raise _GivenUp from error
            raise

    try:
        return session.with_transaction(attempt, **options)
    except _GivenUp:
        raise given_up[-1] from None
    except NetworkTimeout:
        if given_up:
            raise given_up[-1] from None
        raise
