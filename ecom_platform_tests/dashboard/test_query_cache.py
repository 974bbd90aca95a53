"""Answers are shared, kept and recovered. The database is stood in for by a list: what is tested is who asks when."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from bson.timestamp import Timestamp
from pymongo import MongoClient

from dashboard.query_cache import QueryCache, Tick
from ecom_platform.errors import ConfigurationError, UnavailableError, UsageError
from ecom_platform.settings import Settings


@pytest.fixture
def calls():
    """Every question that reached the database."""
    return []


@pytest.fixture
def answers():
    """Answers over a connection that always succeeds."""
    return QueryCache(lambda: (Settings(_env_file=None), None))


def counting(calls, result="figures"):
    """A query that notes that it was asked."""

    def ask(_settings, _db, _now):
        calls.append(result)
        if isinstance(result, Exception):
            raise result
        return result

    return ask


def test_ten_pages_ask_once(answers, calls):
    """However many readers there are, one question in its time reaches the database."""
    threads = [threading.Thread(target=answers.get, args=("tiles", 60, counting(calls))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert calls == ["figures"]


def test_other_questions_and_older_answers_are_asked(answers, calls):
    """Another range is another question, and an answer past its time is asked for again."""
    answers.get("today", 60, counting(calls))
    answers.get("week", 60, counting(calls))
    answers.get("today", 0, counting(calls))

    assert len(calls) == 3


def test_a_failure_keeps_the_last_figures_and_their_time(answers, calls):
    """The reader sees what was known, when, and a sentence."""
    good = answers.get("tiles", 0, counting(calls, 42))

    bad = answers.get("tiles", 0, counting(calls, UnavailableError("mongodb://127.0.0.1 does not answer")))

    assert (bad.value, bad.at, bad.failure) == (42, good.at, "MongoDB does not answer")


def test_one_failure_spares_the_other_panels_the_wait(answers, calls):
    """While MongoDB is known to be away, the next questions fail at once instead of each running into its timeout."""
    answers.get("tiles", 0, counting(calls, UnavailableError("away")))
    other = answers.get("chart", 0, counting(calls))

    assert other.failure == "MongoDB does not answer"
    assert len(calls) == 1


def test_the_figures_come_back_by_themselves(answers, calls, monkeypatch):
    """Once MongoDB answers again, so does the page."""
    monkeypatch.setattr("dashboard.query_cache.RETRY_SECONDS", 0.0)
    answers.get("tiles", 0, counting(calls, UnavailableError("away")))

    assert answers.get("tiles", 60, counting(calls)).failure is None


def test_a_wrong_setting_is_told_as_it_is(calls):
    """A person has to change something: the sentence says what."""

    def connect():
        raise ConfigurationError("No MongoDB is known. Run `ecom up`.")

    assert QueryCache(connect).get("tiles", 0, counting(calls)).failure == "No MongoDB is known. Run `ecom up`."


def test_a_bug_is_not_called_an_outage(answers, calls):
    """An error that is no outage comes through, so that it is found."""
    with pytest.raises(ZeroDivisionError):
        answers.get("tiles", 0, counting(calls, ZeroDivisionError()))


def test_a_change_is_made_each_time_and_its_error_comes_through(answers, calls):
    """Nothing that is written is cached, and the reader who asked for it learns what went wrong."""

    def refuse(_db):
        raise UsageError("There is no such alert.")

    assert [answers.change("noting", lambda _db: calls.append("noted")) for _ in range(2)] == [None, None]
    assert calls == ["noted", "noted"]
    with pytest.raises(UsageError, match="no such alert"):
        answers.change("noting", refuse)


@pytest.fixture
def ticks():
    """Ticks one after the other, without a server to ask for them."""
    return [
        Tick(number, datetime(2026, 11, 23, 14, 0, number, tzinfo=UTC), Timestamp(1, number)) for number in (1, 2, 3)
    ]


@pytest.fixture
def at_tick():
    """Answers over a database whose past can be read."""
    with MongoClient("mongodb://127.0.0.1:1", connect=False) as client:
        yield QueryCache(lambda: (Settings(_env_file=None), client.get_database("shop")))


def test_a_tick_is_asked_once_and_the_one_before_is_kept(at_tick, calls, ticks):
    """A page that is still being drawn at the old tick ends with it, without another question."""
    first = [at_tick.at("tiles", ticks[0], counting(calls, "first")).value for _ in range(2)]
    second = at_tick.at("tiles", ticks[1], counting(calls, "second")).value
    before = at_tick.at("tiles", ticks[0], counting(calls, "again")).value

    assert (first, second, before) == (["first", "first"], "second", "first")
    assert calls == ["first", "second"]


def test_a_page_does_not_wait_while_the_next_tick_is_asked(at_tick, calls, ticks):
    """An answer that is there is given at once, although somebody is waiting for the database."""
    first, second = ticks[:2]
    at_tick.at("tiles", first, counting(calls))
    asked, may_end = threading.Event(), threading.Event()

    def slow(_settings, _db, _now):
        asked.set()
        assert may_end.wait(20)
        return "newer"

    ahead = threading.Thread(target=at_tick.at, args=("tiles", second, slow))
    ahead.start()
    assert asked.wait(20)
    try:
        assert at_tick.at("tiles", first, counting(calls)).value == "figures"
        assert ahead.is_alive()
    finally:
        may_end.set()
        ahead.join()
    assert at_tick.at("tiles", second, counting(calls)).value == "newer"
    assert calls == ["figures"]


def test_every_answer_of_a_tick_is_of_its_instant(at_tick, ticks):
    """Each panel reads the database as it was at the tick's cluster time, and is told the tick's time."""
    seen = []
    for key in ("tiles", "chart"):
        at_tick.at(key, ticks[1], lambda _, db, now: seen.append((db.read_concern.document, now)))

    assert seen == [({"level": "snapshot", "atClusterTime": Timestamp(1, 2)}, ticks[1].at)] * 2


def test_without_mongodb_a_tick_keeps_the_last_figures(at_tick, calls, ticks):
    """No cluster time: nothing is asked, the last answer stays with its time, and a later tick asks again."""
    good = at_tick.at("tiles", ticks[0], counting(calls, "good"))
    away = at_tick.at("tiles", Tick(2, ticks[1].at, None), counting(calls, "never"))
    back = at_tick.at("tiles", ticks[2], counting(calls, "back"))

    assert (away.value, away.at, away.failure) == ("good", good.at, "MongoDB does not answer")
    assert (back.value, back.at, back.failure) == ("back", ticks[2].at, None)
    assert calls == ["good", "back"]
