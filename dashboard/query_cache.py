"""One answer per question for all readers: asked once per instant and ahead of the pages, kept when MongoDB is away.

Every open page asks the same questions every few seconds. Ten pages must not mean ten times the queries, and a database
that is down must neither empty the screens nor hold each panel up for its own timeout.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Generic, TypeVar

import pymongo
from bson.timestamp import Timestamp
from pymongo.errors import ExecutionTimeout

from dashboard.prefetch import Prefetcher
from ecom_platform.credentials import Role
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.settings import Settings, load_settings
from ecom_platform.store import MongoDatabase, connect
from ecom_platform.store.client import CODEC, mongo_errors
from ecom_platform.store.cluster_time import database_at, read_cluster_time

T = TypeVar("T")
RETRY_SECONDS = 2.0
QUERY_SECONDS = 3.0
_CONNECT_SECONDS = 1.0
_UNPACED_SECONDS = 60.0
_KEPT_ANSWERS = 200
_AWAY = "MongoDB does not answer"


@dataclass(frozen=True)
class Answer(Generic[T]):
    """The last value known (None: none yet), when it was read, and what is wrong at present (None: nothing)."""

    value: T | None
    at: datetime | None
    failure: str | None = None


@dataclass(frozen=True)
class Tick:
    """One instant that all panels of a page describe; `number` grows.

    Attributes:
        cluster_time: None when MongoDB was away.
        pace_seconds: how often its pages are drawn; None: not by themselves.
    """

    number: int
    at: datetime
    cluster_time: Timestamp | None
    pace_seconds: float | None = None


@dataclass
class _Slot:
    """The state of one question; its lock is held while the question is asked.

    Attributes:
        asked_at: of the monotonic clock.
        ticks: the answers at the last two ticks, by number: a page that began to draw at the one before ends with it.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: Answer[Any] = field(default_factory=lambda: Answer(None, None))
    asked_at: float = float("-inf")
    ticks: dict[int, Answer[Any]] = field(default_factory=dict)


def open_database() -> tuple[Settings, MongoDatabase]:
    """Read the settings and connect, with timeouts a reader can wait for.

    Raises:
        ConfigurationError: a setting is wrong or no MongoDB is known.
        UnavailableError: MongoDB does not answer.
    """
    settings = load_settings(role=Role.DASHBOARD)
    client = connect(settings, timeout_seconds=_CONNECT_SECONDS, operation_seconds=QUERY_SECONDS)
    return settings, client.get_database(settings.mongodb_database, CODEC)


class QueryCache:
    """The answers of this process, shared by all its pages.

    Args:
        connect_once: called until it succeeds; the client it returns reconnects by itself from then on.
    """

    def __init__(self, connect_once: Callable[[], tuple[Settings, MongoDatabase]] = open_database) -> None:
        self._connect_once = connect_once
        self._connection: tuple[Settings, MongoDatabase] | None = None
        self._connecting = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._slots_lock = threading.Lock()
        self._numbers = count(1)
        self._prefetchers: dict[float | None, Prefetcher[Tick]] = {}
        self._followings_lock = threading.Lock()
        self._down_until = float("-inf")
        self._down_reason = ""

    def get(self, key: Hashable, seconds: float, ask: Callable[[Settings, MongoDatabase, datetime], T]) -> Answer[T]:
        """The answer to `key`, at most `seconds` old; on a failure the last one, with the reason.

        Args:
            key: the question with its filters, never with the time.
            seconds: how long an answer may be given again.
            ask: the query; gets the settings, the database and the time of the question (UTC).
        """
        slot = self._slot(key)
        with slot.lock:
            # After a failure it is asked again soon, also of figures that refresh seldom: recovery should show at once.
            fresh_for = min(seconds, RETRY_SECONDS) if slot.answer.failure else seconds
            if time.monotonic() - slot.asked_at >= fresh_for:
                slot.answer = self._ask(slot.answer, datetime.now(UTC), ask)
                slot.asked_at = time.monotonic()
            return slot.answer

    def tick(self, pace_seconds: float | None) -> Tick:
        """The instant that pages of this pace describe now: the newest one of which all of their answers are there.

        Without a pace, a new one every minute.
        """
        with self._followings_lock:
            prefetcher = self._prefetchers.setdefault(pace_seconds, self._prefetcher(pace_seconds))
        return prefetcher.newest()

    def at(self, key: Hashable, tick: Tick, ask: Callable[[Settings, MongoDatabase, datetime], T]) -> Answer[T]:
        """The answer to `key` as of `tick`, asked once per tick; on a failure the last one, with the reason.

        With a pace, the question is asked at the next ticks, too, before any page asks.

        Args:
            key: the question with its filters and its pace, never with the time.
            ask: as for `get`; the database it gets is that of the tick's instant.
        """
        if tick.pace_seconds is not None:
            self._prefetchers[tick.pace_seconds].want(key, lambda later: self._answer(key, later, ask))
        return self._answer(key, tick, ask)

    def _prefetcher(self, pace_seconds: float | None) -> Prefetcher[Tick]:
        # Half a second less than the pace: else every second drawing would find the tick of the one before.
        seconds = _UNPACED_SECONDS if pace_seconds is None else pace_seconds - 0.5
        return Prefetcher(seconds, lambda: self._begin(pace_seconds), RETRY_SECONDS, lambda tick: not tick.cluster_time)

    def _begin(self, pace_seconds: float | None) -> Tick:
        now = datetime.now(UTC)
        found = self._ask(Answer(None, None), now, lambda _, db, __: read_cluster_time(db))
        return Tick(next(self._numbers), now, found.value, pace_seconds)

    def _answer(self, key: Hashable, tick: Tick, ask: Callable[[Settings, MongoDatabase, datetime], T]) -> Answer[T]:
        def ask_then(settings: Settings, db: MongoDatabase, now: datetime) -> T:
            return ask(settings, database_at(db, tick.cluster_time) if tick.cluster_time else db, now)

        slot = self._slot(key)
        known = slot.ticks.get(tick.number)
        if known is not None and known.failure is None:
            return known  # without the lock: it is held while the next tick's answer is read, ahead of the pages
        with slot.lock:
            if tick.cluster_time is None:
                return replace(slot.answer, failure=self._down_reason or _AWAY)
            if not slot.ticks or tick.number > max(slot.ticks) or slot.answer.failure:
                slot.answer = self._ask(slot.answer, tick.at, ask_then)
                slot.ticks = {**dict(sorted(slot.ticks.items())[-1:]), tick.number: slot.answer}
            return slot.ticks.get(tick.number, slot.answer)

    def change(self, step: str, write: Callable[[MongoDatabase], T]) -> T:
        """Write something, now and for the one reader who asked; nothing of it is shared or tried again.

        Args:
            step: what is being done, as it should read after "MongoDB failed while".

        Raises:
            EcomError: as `write` does; ConfigurationError or UnavailableError when MongoDB cannot be reached.
        """
        _, db = self._database()
        try:
            with mongo_errors(step), pymongo.timeout(QUERY_SECONDS):
                return write(db)
        except ExecutionTimeout as error:
            raise UnavailableError(f"MongoDB took longer than {QUERY_SECONDS:.0f} s while {step}.") from error

    @property
    def currency(self) -> str:
        """The currency of every amount; only asked for once there are amounts, and then the settings are known."""
        return self._connection[0].currency if self._connection else ""

    def _ask(self, last: Answer[T], now: datetime, ask: Callable[[Settings, MongoDatabase, datetime], T]) -> Answer[T]:
        if time.monotonic() < self._down_until:
            return replace(last, failure=self._down_reason)
        try:
            settings, db = self._database()
            with mongo_errors("answering the dashboard"), pymongo.timeout(QUERY_SECONDS):
                return Answer(ask(settings, db, now), now)
        except ConfigurationError as error:
            return replace(last, failure=self._down(str(error)))
        except (UnavailableError, ExecutionTimeout):
            return replace(last, failure=self._down(_AWAY))

    def _down(self, reason: str) -> str:
        # The other panels of the page fail at once meanwhile, instead of each waiting for its own timeout.
        self._down_until = time.monotonic() + RETRY_SECONDS
        self._down_reason = reason
        return reason

    def _database(self) -> tuple[Settings, MongoDatabase]:
        with self._connecting:
            if self._connection is None:
                self._connection = self._connect_once()
            return self._connection

    def _slot(self, key: Hashable) -> _Slot:
        with self._slots_lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > _KEPT_ANSWERS:
                self._slots.popitem(last=False)
            return slot
