"""Batches and halves: what is committed, in which order, and what happens to the one that is to blame."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pymongo.errors import AutoReconnect, NetworkTimeout, OperationFailure, PyMongoError

from ecom_platform.store.transactions import commit_in_halves, in_batches

TRANSIENT = {"errorLabels": ["TransientTransactionError"]}


def timed_out(last: PyMongoError) -> NetworkTimeout:
    """What the driver raises when a transaction has failed like this for two minutes."""
    error = NetworkTimeout(str(last))
    error._add_error_label("TransientTransactionError")
    error.__cause__ = last
    return error


REFUSED = OperationFailure("cannot be stored", code=2)
GAVE_UP = timed_out(OperationFailure("no such transaction", 251, TRANSIENT))
NOT_ALLOWED = OperationFailure("not authorized", code=13)
AWAY = timed_out(AutoReconnect("connection refused"))


class Server:
    """Takes transactions of at most `most` items and never an item of `bad`."""

    def __init__(self, *, most: int = 100, bad: Sequence[int] = (), error: Exception = REFUSED) -> None:
        self.most, self.bad, self.error = most, bad, error
        self.committed: list[list[int]] = []
        self.tried = 0

    def commit(self, items: Sequence[int]) -> None:
        """One transaction."""
        self.tried += 1
        if len(items) > self.most:
            raise GAVE_UP
        if set(items) & set(self.bad):
            raise self.error
        self.committed.append(list(items))

    @property
    def order(self) -> list[int]:
        """Everything, as it was committed."""
        return [item for part in self.committed for item in part]


def never(item: int, error: Exception) -> Sequence[int]:
    """Nothing is to blame alone."""
    raise AssertionError(item) from error


@pytest.mark.parametrize("most", [1, 3, 7, 20, 100])
def test_a_transaction_that_the_server_gives_up_is_cut_until_it_takes_it(most: int) -> None:
    """Everything is committed once, in its order."""
    server = Server(most=most)
    commit_in_halves(range(20), server.commit, never)

    assert server.order == list(range(20))
    assert max(map(len, server.committed)) <= most


def test_what_fits_is_one_transaction_and_nothing_is_none() -> None:
    """No look before."""
    server = Server()
    commit_in_halves(range(20), server.commit, never)
    commit_in_halves([], server.commit, never)

    assert server.tried == 1


@pytest.mark.parametrize("bad", [[0], [19], [7, 8], [3, 12]])
def test_the_ones_that_are_to_blame_are_found_and_replaced_in_their_place(bad: list[int]) -> None:
    """The others are committed as they are."""
    server = Server(bad=bad)
    commit_in_halves(range(20), server.commit, lambda item, _: [item + 1000])

    assert server.order == [item + 1000 if item in bad else item for item in range(20)]


@pytest.mark.parametrize("error", [REFUSED, GAVE_UP])
def test_one_that_is_left_out_blocks_nothing_behind_it(error: PyMongoError) -> None:
    """Neither where it is refused nor where the server gives it up again and again."""
    server, blamed = Server(bad=[4], error=error), list[tuple[int, Exception]]()

    def leave_out(item: int, reason: Exception) -> Sequence[int]:
        blamed.append((item, reason))
        return ()

    commit_in_halves(range(20), server.commit, leave_out)

    assert server.order == [item for item in range(20) if item != 4]
    assert blamed == [(4, error)]


@pytest.mark.parametrize("error", [NOT_ALLOWED, AWAY])
def test_an_error_that_no_half_would_mend_ends_it_at_once(error: PyMongoError) -> None:
    """It is not the data's fault, or the server is not there."""
    server = Server(bad=[4], error=error)
    with pytest.raises(type(error), match=str(error)):
        commit_in_halves(range(20), server.commit, never)

    assert (server.tried, server.committed) == (1, [])


def test_batches_end_at_a_number_or_at_their_bytes_and_hold_at_least_one() -> None:
    """Items of 40, 70, 10, 200 and 1 bytes."""
    sizes = [40, 70, 10, 200, 1]
    assert list(in_batches(sizes, int, 10, 100)) == [[40], [70, 10], [200], [1]]
    assert list(in_batches(sizes, int, 2, 1000)) == [[40, 70], [10, 200], [1]]
    assert list(in_batches([], int, 2, 1000)) == []
