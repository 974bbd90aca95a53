"""The button "Verify this range": the question is answered again from every single order, beside the pages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

import streamlit as st

from dashboard import formats
from dashboard.panels import card, every, table
from dashboard.queries.history import days_of
from dashboard.queries.verify import Figure, Verdict, verify
from dashboard.ranges import DAY, Window
from dashboard.selection import Choice
from dashboard.view import answers
from ecom_platform.credentials import Role
from ecom_platform.errors import EcomError
from ecom_platform.history.question import Filters
from ecom_platform.settings import Settings, load_settings
from ecom_platform.store.client import CODEC, connect

_READ_SECONDS = 300.0
_HELP = (
    "Reads every order of these days, hot from MongoDB and archived from its files, computes the figures again and "
    "compares them with those on screen, both at one instant. Other readers are not kept waiting."
)


@dataclass(frozen=True)
class Verifying:
    """A verification that was asked for; `future` is done when there is a verdict or an error."""

    window: Window
    filters: Filters
    begun: datetime
    future: Future[Verdict]


class Verifications:
    """One at a time, in a thread of its own; the same question, asked meanwhile, waits for the same answer.

    Args:
        verify_now: answers; by default with a connection of its own, which may take longer than a page's.
    """

    def __init__(self, verify_now: Callable[[Window, Filters, datetime], Verdict] | None = None) -> None:
        self._verify = verify_now or _verify_now
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="verify")
        self._lock = Lock()
        self._last: Verifying | None = None

    def ask(self, window: Window, filters: Filters) -> Verifying:
        """Begin, or join who is at it; returns at once."""
        with self._lock:
            last = self._last
            if last and not last.future.done() and (last.window, last.filters) == (window, filters):
                return last
            now = datetime.now(UTC)
            self._last = Verifying(window, filters, now, self._pool.submit(self._verify, window, filters, now))
            return self._last


def draw(choice: Choice) -> None:
    """Draw the card, and keep it up to date while an answer is awaited."""
    every(1.0, "verify", lambda: _draw(choice))


@st.cache_resource(show_spinner=False)
def _verifications() -> Verifications:
    return Verifications()


def _verify_now(window: Window, filters: Filters, now: datetime) -> Verdict:
    settings: Settings = load_settings(role=Role.DASHBOARD)
    with connect(settings, operation_seconds=_READ_SECONDS) as client:
        return verify(settings, client.get_database(settings.mongodb_database, CODEC), window, filters, now)


def _draw(choice: Choice) -> None:
    now = datetime.now(UTC)
    window = days_of(choice.span(now), now)
    asked: Verifying | None = st.session_state.get("verifying")
    waiting = asked is not None and not asked.future.done()
    with card("**Check these figures**", _HELP, "card-verify", "content"):
        if st.button("Verify this range", icon=":material/fact_check:", disabled=waiting, key="verify-now"):
            asked = st.session_state["verifying"] = _verifications().ask(window, choice.filters)
        if asked is None:
            st.caption(f"{_range_text(window)}: compares the figures above with every single order")
        elif not asked.future.done():
            st.caption(f"Reading the orders of {_range_text(asked.window)} · {(now - asked.begun).seconds} s")
        elif error := asked.future.exception():
            _draw_error(asked, error)
        else:
            _draw_verdict(asked.future.result())


def _draw_error(asked: Verifying, error: BaseException) -> None:
    if not isinstance(error, EcomError):
        raise error
    st.markdown(f":red-badge[:material/error: not verified] {_range_text(asked.window)}: {error}")


def _draw_verdict(found: Verdict) -> None:
    read = (
        f"{formats.counted(found.hot_orders, 'live order')} and {formats.counted(found.cold_orders, 'archived order')}"
    )
    about = f"{_range_text(found.window)}{_filters_text(found.filters)} · read {read} in {found.seconds:.1f} s"
    if not found.differing:
        verdict = f":green-badge[:material/check_circle: equal to the cent] {len(found.figures)} figures"
    else:
        verdict = f":red-badge[:material/error: {len(found.differing)} of {len(found.figures)} figures differ]"
    st.markdown(f"{verdict} · {about}")
    with st.expander("Figure by figure", expanded=bool(found.differing)):
        table(
            "Figures on screen and from the orders",
            {
                "Figure": [figure.name for figure in found.figures],
                "On screen": [_number(figure, figure.on_screen) for figure in found.figures],
                "From the orders": [_number(figure, figure.from_facts) for figure in found.figures],
                "": ["same" if figure.agrees else "**differs**" for figure in found.figures],
            },
        )


def _number(figure: Figure, value: int) -> str:
    return formats.exact_money(value, answers().currency) if figure.is_money else formats.count(value)


def _range_text(window: Window) -> str:
    last = window.end - DAY
    return f"{window.start:%d %b}" if last == window.start else f"{window.start:%d %b} to {last:%d %b %Y}"


def _filters_text(filters: Filters) -> str:
    return f", only {', '.join(sorted(filters.chosen()))} as chosen" if filters.chosen() else ""
