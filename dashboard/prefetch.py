"""Answers that are there before the page asks: what pages ask at a pace is asked ahead of them, in the background.

A page that refreshes draws the newest instant of which every answer is there, and waits for no query. So its figures
are at most two refreshes old, and a slow query makes them older, never the page slower. A question that no page has
asked for three instants is forgotten, and with the last one the thread ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
Ask = Callable[[T], object]
_INSTANTS_AHEAD = 3  # a reader whose browser is slow for once is still there


@dataclass
class _Question(Generic[T]):
    ask: Ask[T]
    instants_left: int = _INSTANTS_AHEAD


class Prefetcher(Generic[T]):
    """The questions of all pages of one pace.

    Args:
        seconds: from one instant to the next.
        begin: makes a new instant.
        retry_seconds: to the next instant after one at which nothing could be read.
        failed: whether an instant is such a one.
    """

    def __init__(
        self, seconds: float, begin: Callable[[], T], retry_seconds: float, failed: Callable[[T], bool]
    ) -> None:
        self._seconds = seconds
        self._begin = begin
        self._retry_seconds = retry_seconds
        self._failed = failed
        self._questions: dict[Hashable, _Question[T]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._complete: T | None = None
        self._begun_at = float("-inf")

    def newest(self) -> T:
        """The newest instant of which every answer is there; a new one when nothing was prefetched."""
        with self._lock:
            if self._complete is None or (self._thread is None and time.monotonic() >= self._due_at()):
                self._complete = self._new()
            return self._complete

    def want(self, key: Hashable, ask: Ask[T]) -> None:
        """A page has just asked this, and will again."""
        with self._lock:
            self._questions[key] = _Question(ask)
            if self._thread is None:
                self._thread = threading.Thread(target=self._ask_ahead, name=f"ahead-{self._seconds:g}s", daemon=True)
                self._thread.start()

    def _ask_ahead(self) -> None:
        while True:
            time.sleep(max(0.0, self._due_at() - time.monotonic()))
            questions = self._still_wanted()
            if not questions:
                return
            instant = self._new()
            for key, question in questions.items():
                self._ask(key, question, instant)
            self._complete = instant

    def _still_wanted(self) -> dict[Hashable, _Question[T]]:
        """The questions of pages that are still open; with none left, the thread counts as ended."""
        with self._lock:
            self._questions = {key: one for key, one in self._questions.items() if one.instants_left > 0}
            for question in self._questions.values():
                question.instants_left -= 1
            if not self._questions:
                self._thread = None
            return dict(self._questions)

    def _ask(self, key: Hashable, question: _Question[T], instant: T) -> None:
        try:
            question.ask(instant)
        except Exception:  # a bug: the page itself asks next time, and there it is seen
            log.exception("asking_ahead_failed question=%r", key)
            with self._lock:
                self._questions.pop(key, None)

    def _new(self) -> T:
        self._begun_at = time.monotonic()
        return self._begin()

    def _due_at(self) -> float:
        failed = self._complete is not None and self._failed(self._complete)
        return self._begun_at + (self._retry_seconds if failed else self._seconds)
