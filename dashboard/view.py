"""What a page gets: the reader's choice, the colours, one instant, and a way to ask for the figures of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import streamlit as st

from dashboard import zoom
from dashboard.palette import Palette
from dashboard.queries.names import Names, read_names
from dashboard.query_cache import Answer, QueryCache, Tick
from dashboard.ranges import Span
from dashboard.selection import EVERY, Choice, Kinds
from ecom_platform.history.question import Filters
from ecom_platform.settings import Settings
from ecom_platform.store import Loading, read_loading
from ecom_platform.store.client import MongoDatabase

T = TypeVar("T")
_NAMES_SECONDS = 60.0
_SELDOM_SECONDS = 300.0


class WhileLoading(StrEnum):
    """What becomes of a question while a history is being loaded, and orders of the past are missing."""

    HIDDEN = "hidden"
    """It is not asked: any missing order could change its figures."""
    CUT = "cut"
    """It is asked for the part of the range of which every order is there: figures of orders by the time placed."""
    SHOWN = "shown"
    """It is asked as ever: no missing order changes its figures, or the query itself sees to it."""


@dataclass(frozen=True)
class NotYet:
    """In the place of figures that cannot be known before the history is loaded; `share` of it is, 0 to 1."""

    share: float


@dataclass(frozen=True)
class Asked:
    """A question as it reaches the database: `db` and `now` are of the tick that the whole page describes."""

    settings: Settings
    db: MongoDatabase
    span: Span
    filters: Filters
    now: datetime
    loading: Loading | None = None

    @property
    def history_complete(self) -> bool:
        """Whether every order of the past is there."""
        return self.loading is None


@dataclass(frozen=True)
class Question(Generic[T]):
    """What a page asks. Panels that name the same question share its answer, so that they cannot disagree.

    Attributes:
        key: names it among those of the query's module; what the query depends on beside the choice is part of it.
        query: gets only those filters that it honours.
        honours: kinds of filters.
        while_loading: which part of the range is asked for, if any, while a history is being loaded.
    """

    key: Hashable
    query: Callable[[Asked], T]
    honours: Kinds = EVERY
    while_loading: WhileLoading = WhileLoading.HIDDEN


@dataclass(frozen=True)
class View:
    """One drawing of a page; all of its panels describe the instant of `tick`."""

    choice: Choice
    live: bool
    colours: Palette
    tick: Tick

    def ask(self, question: Question[T]) -> Answer[T | NotYet]:
        """The figures of the range on screen, shared by every reader with the same choice."""
        choice, while_loading = self.choice.honouring(question.honours), question.while_loading

        def ask(settings: Settings, db: MongoDatabase, now: datetime) -> T | NotYet:
            loading = read_loading(db)
            span = _known(choice.span(now), loading, while_loading, now)
            if span is None:
                return NotYet(loading.share if loading else 0.0)
            return question.query(Asked(settings, db, span, choice.filters, now, loading))

        key = (_module_of(question.query), question.key, (choice, while_loading))
        return answers().at(key, self.tick, ask)

    def ask_seldom(self, key: Hashable, query: Callable[[Asked], T]) -> Answer[T]:
        """Figures of days that are over, at most five minutes older than the page.

        They are not of the tick's instant, on purpose: a past half hour changes only by a late cancellation or return,
        and to read days of half hours at every tick would cost more than everything else on the page.

        Args:
            key: names the question and the days; the filters are added to it.
            query: gets the range of this tick, and the database as it is when it is asked.
        """
        choice, at = self.choice, self.tick.at

        def ask(settings: Settings, db: MongoDatabase, _: datetime) -> T:
            return query(Asked(settings, db, choice.span(at), choice.filters, at, read_loading(db)))

        return answers().get((key, choice), _SELDOM_SECONDS, ask)

    @property
    def currency(self) -> str:
        """The currency of every amount."""
        return answers().currency


@st.cache_resource(show_spinner=False)
def answers() -> QueryCache:
    """The one set of answers of this process."""
    return QueryCache()


def names() -> Names:
    """What things are called; nothing while MongoDB has never answered."""
    return answers().get("names", _NAMES_SECONDS, lambda _, db, __: read_names(db)).value or Names()


def live(key: str, choice: Choice, colours: Palette, *, running: bool, draw: Callable[[View], None]) -> None:
    """Draw a page now and, while it is running, again at the pace of its range: all panels together, at one instant."""
    pace = choice.pace_seconds if running else None

    def draw_now() -> None:
        zoom.begin(choice)
        draw(View(choice, running, colours, answers().tick(choice.pace_seconds)))
        if pace is not None:  # else nothing is drawn again, and a zoom must not be the cause
            zoom.watch()

    st.fragment(draw_now, run_every=pace, key=key)()


def _known(span: Span, loading: Loading | None, while_loading: WhileLoading, now: datetime) -> Span | None:
    """The part of a range that may be asked for; None: nothing of it yet."""
    if loading is None or while_loading is WhileLoading.SHOWN:
        return span
    return span.since(loading.known_from, now) if while_loading is WhileLoading.CUT else None


def _module_of(query: Callable[..., object]) -> str:
    """Two pages may call different questions the same; one that they share is asked by the same function."""
    return str(getattr(query, "func", query).__module__)  # of what a partial calls
