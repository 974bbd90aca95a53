"""Clients of MongoDB and the errors they turn into ours."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pymongo import errors as driver

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings
from ecom_platform.store import connect, database, mongo_errors
from ecom_platform.store.client import without_password
from ecom_platform.store.transactions import in_transaction

CONNECTION_FAILURES = [
    error
    for _, error in inspect.getmembers(driver, inspect.isclass)
    if issubclass(error, driver.ConnectionFailure) and error is not driver.ConnectionFailure
]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word, as a stopped mongod does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("error", CONNECTION_FAILURES, ids=lambda error: error.__name__)
def test_every_connection_failure_of_the_driver_means_try_again_later(error: type[driver.ConnectionFailure]) -> None:
    """Found by reflection, so that a new class of the driver is not forgotten."""
    with pytest.raises(UnavailableError), mongo_errors("counting"):
        raise error("gone")


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        *((code, UnavailableError, "counting") for code in (91, 189, 10107, 11600)),  # it shuts down or steps down
        (18, ConfigurationError, "ECOM_MONGODB_URI"),  # it refuses the credentials
        (2, driver.OperationFailure, "of the server"),  # a bug must not be reported as a server that is away
    ],
)
def test_an_answer_of_the_server_means_what_can_be_done_about_it(code: int, kind: type[Exception], said: str) -> None:
    """Try again later, change a setting, or mend the query; none arrives as a broken connection."""
    with pytest.raises(kind, match=said), mongo_errors("counting"):
        raise driver.OperationFailure("an answer of the server", code)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://shop:s3cret@host:1/?a=b", "mongodb://shop:***@host:1/?a=b"),
        ("mongodb://shop:p@ss:word@host:1/x", "mongodb://shop:***@host:1/x"),
        ("mongodb+srv://shop:s@cluster", "mongodb+srv://shop:***@cluster"),
        ("mongodb://host:1,other:2/?replicaSet=r", "mongodb://host:1,other:2/?replicaSet=r"),
    ],
)
def test_a_password_is_never_shown(uri: str, shown: str) -> None:
    """Not even one with @ or : in it."""
    assert without_password(uri) == shown


def test_a_server_that_is_down_gives_one_sentence_without_the_password() -> None:
    """The sentence names the server and the next command."""
    with pytest.raises(UnavailableError) as caught:
        connect(Settings(mongodb_uri="mongodb://shop:s3cret@127.0.0.1:1/?replicaSet=rs0"), timeout_seconds=0.3)

    text = str(caught.value)
    assert "s3cret" not in text
    assert "mongodb://shop:***@127.0.0.1:1" in text
    assert "ecom up" in text
    assert "\n" not in text


SET = "mongodb://127.0.0.1:1/?replicaSet=rs0"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "ecom up"),
        ("http://127.0.0.1:27017", "ECOM_MONGODB_URI"),
        (f"{SET}&readPreference=secondary&readPreferenceTags=dc:east", "ECOM_MONGODB_URI.*tags"),
        (f"{SET}&readPreference=secondary&maxStalenessSeconds=120", "ECOM_MONGODB_URI.*maxStalenessSeconds"),
        (f"{SET}&readConcernLevel=linearizable", "ECOM_MONGODB_URI.*readConcernLevel=linearizable"),
    ],
    ids=["none yet", "of something else", "read from some", "read what is old", "no transaction can have it"],
)
def test_an_address_that_cannot_do_is_a_wrong_setting(uri: str, said: str) -> None:
    """Said at once: trying again would not help, and with such an option every chunk of the stream would fail."""
    with pytest.raises(ConfigurationError, match=said):
        connect(Settings(mongodb_uri=uri), timeout_seconds=0.3)


def test_an_address_made_for_readers_still_writes_as_we_need_it(settings: Settings) -> None:
    """Copied from a report's settings: reads from elsewhere and unacknowledged writes do not go with transactions."""
    admin = as_admin(settings, "mongodb")
    address = f"{admin.mongodb_uri}&readPreference=secondaryPreferred&w=0&journal=false&retryWrites=false"
    db = database(admin.model_copy(update={"mongodb_uri": address}))
    with db.client:
        stored = in_transaction(db, "counting", lambda session: db["orders"].find_one({"_id": -1}, session=session))

        assert stored is None
        assert db.write_concern.document == {"w": "majority", "j": True}


def test_a_server_that_accepts_and_never_answers_does_not_hang_the_caller(silent_port: int) -> None:
    """A stopped process still accepts connections."""
    with pytest.raises(UnavailableError):
        connect(Settings(mongodb_uri=f"mongodb://127.0.0.1:{silent_port}/?replicaSet=rs0"), timeout_seconds=0.3)


def test_times_come_back_aware_and_in_utc(settings: Settings) -> None:
    """A naive time would be read as local time by whoever computes with it."""
    db = database(as_admin(settings, "mongodb"))
    at = datetime(2026, 11, 23, 7, 0, 0, 123000, tzinfo=UTC)
    with db.client:
        db["clock"].insert_one({"_id": 1, "at": at})
        stored = db["clock"].find_one({"_id": 1})

        assert stored is not None
        assert stored["at"] == at
        assert stored["at"].tzinfo is UTC
        db.drop_collection("clock")
