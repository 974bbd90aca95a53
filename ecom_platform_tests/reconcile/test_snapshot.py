"""Reading the store at one instant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo.client_session import ClientSession

from ecom_platform.errors import UnavailableError
from ecom_platform.reconcile.snapshot import at_one_time
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform.store.collections import ARCHIVE_MANIFESTS, ORDERS, STREAM_OFFSETS

SNAPSHOT_TOO_OLD = 239


@pytest.fixture
def too_old(db: MongoDatabase) -> Iterator[None]:
    """The server forgets the instant under the next reading, as after five minutes."""
    ensure_schema(db)
    fail = {"failCommands": ["find"], "errorCode": SNAPSHOT_TOO_OLD, "appName": "ecom-platform"}
    db.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=fail)
    yield
    db.client.admin.command("configureFailPoint", "failCommand", mode="off")


def test_what_is_written_meanwhile_is_not_seen(db: MongoDatabase) -> None:
    """Facts and rollups are read one after the other, and must belong together."""
    ensure_schema(db)

    def read(session: ClientSession) -> tuple[int, int]:
        before = len(list(db[ORDERS].find({}, session=session)))
        db[ORDERS].insert_one({"_id": 1})
        return before, len(list(db[ORDERS].find({}, session=session)))

    assert at_one_time(db, "orders", read) == (0, 0)
    assert db[ORDERS].count_documents({}) == 1


@pytest.mark.usefixtures("too_old")
def test_a_reading_that_outlived_its_instant_counts_if_the_stream_stood_still(db: MongoDatabase) -> None:
    """A large store at rest can be reconciled."""
    assert at_one_time(db, "orders", lambda session: list(db[ORDERS].find({}, session=session))) == []


@pytest.mark.usefixtures("too_old")
def test_a_reading_that_outlived_its_instant_is_refused_if_the_stream_wrote(db: MongoDatabase) -> None:
    """Numbers of two instants would not add up, and nobody could tell why."""

    def read(session: ClientSession) -> None:
        list(db[ORDERS].find({}, session=session))
        row = {"topic": "orders", "partition": 0, "topic_id": "a", "first": 0, "next": 1, "token": 1}
        db[STREAM_OFFSETS].replace_one({"_id": "orders-0"}, row, upsert=True)

    with pytest.raises(UnavailableError, match="Stop the stream"):
        at_one_time(db, "orders", read)


@pytest.mark.usefixtures("too_old")
def test_a_reading_that_outlived_its_instant_is_refused_if_an_archive_run_moved(db: MongoDatabase) -> None:
    """What counted as hot when it was read may count as cold a moment later."""

    def read(session: ClientSession) -> None:
        list(db[ORDERS].find({}, session=session))
        db[ARCHIVE_MANIFESTS].replace_one({"_id": "run-1"}, {"state": "COMMITTED"}, upsert=True)

    with pytest.raises(UnavailableError, match="archive wrote meanwhile"):
        at_one_time(db, "orders", read)
