"""Transactions that the server gives up: too long for its `transactionLifetimeLimitSeconds`, however often repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pymongo.client_session import ClientSession
from pymongo.errors import NetworkTimeout, OperationFailure

__all__ = ["run_transaction"]

T = TypeVar("T")

# NoSuchTransaction: what a statement hears when the server ended its transaction; and the limit by its name.
_GIVEN_UP_CODES: Final = frozenset({251, 290})
# Once is what a restart of the server looks like, too.
_ATTEMPTS: Final = 2


class _GivenUp(Exception):
    """Ends the driver's own retries."""


def run_transaction(session: ClientSession, work: Callable[[ClientSession], T], **options: Any) -> T:
    """As `with_transaction`; but a transaction that the server gave up twice ends with what the server said.

    The driver would repeat it for two minutes and then raise a network's time-out, from which nobody can tell that a
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
