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


@pytest.mark.parametrize("code", [91, 189, 10107, 11600])
def test_a_server_that_shuts_down_or_steps_down_means_try_again_later(code: int) -> None:
    """These arrive as answers of the server, not as broken connections."""
    with pytest.raises(UnavailableError), mongo_errors("counting"):
        raise driver.OperationFailure("not now", code)


def test_refused_credentials_mean_change_a_setting() -> None:
    """The text names the setting."""
    with pytest.raises(ConfigurationError, match="ECOM_MONGODB_URI"), mongo_errors("counting"):
        raise driver.OperationFailure("Authentication failed.", 18)


def test_a_bug_stays_visible_as_what_it_is() -> None:
    """A wrong operator must not be reported as a server that is away."""
    with pytest.raises(driver.OperationFailure), mongo_errors("counting"):
        raise driver.OperationFailure("unknown operator: $wrong", 2)


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


def test_no_address_at_all_says_how_to_get_one() -> None:
    """The person has not started anything yet."""
    with pytest.raises(ConfigurationError, match="ecom up"):
        connect(Settings(mongodb_uri=""))


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    """Trying again would not help."""
    with pytest.raises(ConfigurationError, match="ECOM_MONGODB_URI"):
        connect(Settings(mongodb_uri="http://127.0.0.1:27017"))


def test_a_server_that_is_down_gives_one_sentence_without_the_password() -> None:
    """The sentence names the server and the next command."""
    with pytest.raises(UnavailableError) as caught:
        connect(Settings(mongodb_uri="mongodb://shop:s3cret@127.0.0.1:1/?replicaSet=rs0"), timeout_seconds=0.3)

    text = str(caught.value)
    assert "s3cret" not in text
    assert "mongodb://shop:***@127.0.0.1:1" in text
    assert "ecom up" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("readPreference=secondary&readPreferenceTags=dc:east", "tags"),
        ("readPreference=secondary&maxStalenessSeconds=120", "maxStalenessSeconds"),
        ("readConcernLevel=linearizable", "readConcernLevel=linearizable"),
    ],
)
def test_an_option_of_the_address_that_transactions_cannot_have_is_a_wrong_setting(option: str, named: str) -> None:
    """Said at once; otherwise every chunk of the stream would fail."""
    with pytest.raises(ConfigurationError, match=f"ECOM_MONGODB_URI.*{named}"):
        connect(Settings(mongodb_uri=f"mongodb://127.0.0.1:1/?replicaSet=rs0&{option}"), timeout_seconds=0.3)


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
