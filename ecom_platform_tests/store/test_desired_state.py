"""What a person wants to run."""

from __future__ import annotations

import pytest

from ecom_platform.errors import ConfigurationError, UsageError
from ecom_platform.store import MongoDatabase, read_intent, set_intent


def test_nothing_runs_until_somebody_says_so(db: MongoDatabase) -> None:
    """A fresh platform does not start a stream by itself."""
    intent = read_intent(db, "stream")

    assert (intent.desired, intent.at) == ("stopped", None)


def test_the_last_wish_counts_with_its_author_and_reason(db: MongoDatabase) -> None:
    """Texts are kept as they are, also with a $ in front."""
    set_intent(db, "stream", "running", by="ecom demo", reason="started")
    set_intent(db, "stream", "stopped", by="$supervisor", reason="$topic replaced")
    intent = read_intent(db, "stream")

    assert (intent.desired, intent.by, intent.reason) == ("stopped", "$supervisor", "$topic replaced")
    assert intent.at is not None


def test_an_unknown_wish_is_refused_with_the_valid_ones(db: MongoDatabase) -> None:
    """The wish comes from a command line or another program."""
    with pytest.raises(UsageError, match="running, stopped"):
        set_intent(db, "stream", "paused", by="me", reason="")  # type: ignore[arg-type]


def test_a_wish_that_a_person_wrote_wrongly_is_named_with_the_valid_ones(db: MongoDatabase) -> None:
    """By hand, or by another tool; one that only lacks a reason is understood."""
    db.intent.replace_one({"_id": "stream"}, {"desired": "running"}, upsert=True)
    assert read_intent(db, "stream").desired == "running"

    db.intent.replace_one({"_id": "stream"}, {"desired": "on"}, upsert=True)
    with pytest.raises(ConfigurationError, match="'on'; valid are running, stopped"):
        read_intent(db, "stream")
