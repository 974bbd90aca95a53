"""One alert as cards show it, and the Overview's card "Needs attention"."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from dashboard import alert_words as words
from dashboard import formats
from dashboard.frame import LINKED, PAGES
from dashboard.panels import panel
from dashboard.queries.alerts import Attention, attention
from dashboard.selection import NOTHING
from dashboard.view import Question, View, WhileLoading, names
from ecom_platform.alerts import Alert

ATTENTION = Question(
    "attention",
    lambda asked: attention(asked.db, asked.now, is_loading=not asked.history_complete),
    NOTHING,
    WhileLoading.SHOWN,
)
"""What is open at the instant of the page."""
ATTENTION_HEIGHT = 154
_HELP = (
    "What the alert rules found, the gravest first. They look every 30 seconds; two bad readings in a row open an "
    "alert, three good ones close it. A click leads to the figures that show why."
)
_MOST = 3


def good_or_unwatched(found: Attention) -> str | None:
    """The sentence instead of alerts: good news only while every rule is judged. None: there are alerts."""
    if found.open:
        return None
    if found.is_loading:
        return ":material/hourglass_top: After loading"
    problem = words.unwatched(found)
    if problem:
        return f":orange[:material/warning: {problem}]"
    unjudged = words.unjudged(found)
    return f":material/hourglass_top: {unjudged}" if unjudged else ":material/check_circle: Nothing needs attention"


def link_to_why(alert: Alert, label: str) -> None:
    """A link to the page whose figures made the alert, filtered to what it is about."""
    st.page_link(
        st.session_state[PAGES][alert.link.page],
        label=label,
        icon=":material/arrow_forward:",
        icon_position="right",
        help=alert.meaning,
        query_params={LINKED: urlencode(alert.link.query)},
    )


def _note(_: View, found: Attention) -> str:
    if found.is_loading:
        return "the rules are judged after the history is loaded"
    if not found.is_watched:
        return ":material/warning: the rules are not being evaluated"
    if found.open:
        return f"{formats.count(len(found.open))} open, gravest first"
    if not found.is_judged:
        return "the rules look every 30 seconds"
    return f"no alert is open · checked at {formats.clock(found.judged_at)} UTC"


@panel("attention", "Needs attention", _HELP, ATTENTION, note=_note, empty=good_or_unwatched, height=ATTENTION_HEIGHT)
def draw_attention(_: View, found: Attention) -> None:
    """The gravest open alerts, each a link to the page that shows why."""
    with st.container(gap="xxsmall"):
        for alert in found.open[:_MOST]:
            with st.container(gap=None):
                link_to_why(alert, f"{words.severity(alert)} {words.plain(alert.title)}")
                about = words.plain(words.entity(alert.entity, names(), short=True))
                st.caption(f"{about} · since {formats.moment(alert.since, found.now)}")
        if len(found.open) > _MOST:
            st.page_link(st.session_state[PAGES]["alerts"], label=f"{len(found.open) - _MOST} more on Alerts", icon="")
