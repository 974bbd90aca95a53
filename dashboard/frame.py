"""What stands above every page: range, filters, the Live switch, the state of the figures and the time in UTC.

Every choice is in the address, so that a link shows the same to another reader. The controls stand in the entry script
and stay on the page (an expander keeps what is folded away, a popover does not): only then do they survive going from
page to page and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

import streamlit as st

from dashboard.browser_history import make_links_one_step
from dashboard.filter_controls import choose, options, take_up, wanted
from dashboard.formats import age as age_text
from dashboard.formats import clock, count
from dashboard.palette import palette_of
from dashboard.panels import every
from dashboard.queries.names import Names
from dashboard.ranges import Preset
from dashboard.selection import Choice, Kind, toggled
from dashboard.view import View, answers, live, names
from ecom_platform.history.question import Filters
from ecom_platform.settings import Settings
from ecom_platform.store import AgeState, FigureAge, MongoDatabase, figure_age, read_loading, read_progress

LINKED = "show"
"""The parameter in which a link from page to page says all of what is to be chosen.

Streamlit keeps what is chosen above the pages when it follows a link, and only adds the link's own parameters to the
address: a plain `?courier=5` would change nothing.
"""
PAGES = "pages"
"""Where the session keeps its pages by their names, to be linked to."""
_STYLE = Path(__file__).with_name("frame.css")
# Alerts and orders are as they are now; the pipeline's figures are of the whole topic. What cannot be chosen there is
# drawn disabled and not left out: only what is drawn keeps its value for the next page. An order is a tab of its own.
_WITHOUT_CHOICES = frozenset({"order"})
_WITHOUT_RANGE = frozenset({"alerts"})
_WITHOUT_FILTERS = frozenset({"alerts", "pipeline"})


@dataclass(frozen=True)
class Badge:
    """Icon, words and colour; the words alone say it all."""

    text: str
    icon: str
    colour: Literal["red", "orange", "blue", "green", "gray"]
    help: str


def page(key: str, draw_panels: Callable[[View], None], *, of_now: bool = False) -> None:
    """Draw a page for what the reader chose above it, and keep it up to date.

    Args:
        of_now: nothing on the page has a range: it refreshes as for today also when another range is chosen.
    """
    running = bool(st.session_state.get("live", True))
    choice = replace(chosen(), preset=Preset.TODAY, days=None) if of_now else chosen()
    live(key, choice, palette_of(st.context.theme.type), running=running, draw=draw_panels)


def chosen() -> Choice:
    """The reader's choice, after `draw` has run."""
    state = st.session_state
    days = tuple(state.get("days") or ())
    return Choice(
        Preset(state.get("range") or Preset.TODAY),
        (days[0], days[-1]) if days else None,
        Filters(
            tuple(sorted(int(number) for number in state.get("warehouse", ()))),
            tuple(sorted(int(number) for number in state.get("courier", ()))),
            state.get("category"),
            tuple(sorted(state.get("payment", ()))),
        ),
    )


def draw(page_name: str) -> None:
    """Draw the rows above the pages; on a page where a choice means nothing it cannot be made."""
    take_up()
    known = names()
    if LINKED in st.query_params:
        _follow(parse_qs(st.query_params.pop(LINKED)), known)
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="top", key="frame"):
        if page_name not in _WITHOUT_CHOICES:
            _draw_range(disabled=page_name in _WITHOUT_RANGE)
            _draw_filters(known, disabled=page_name in _WITHOUT_FILTERS)
        is_live = st.toggle("Live", value=True, key="live", on_change=_remember_pause)
        every(1.0 if is_live else None, "state-badge", _draw_state)
    make_links_one_step(LINKED)
    _draw_pills(known, shown=page_name not in _WITHOUT_CHOICES | _WITHOUT_FILTERS)


def _follow(link: Mapping[str, Sequence[str]], known: Names) -> None:
    """Choose what a link says and nothing else; what is no choice (a product) stays in the address for the page."""
    state, offered = st.session_state, options(known)
    state["range"] = next((preset.value for preset in Preset if [preset] == link.get("range")), Preset.TODAY.value)
    for kind in ("warehouse", "courier", "payment"):
        said = link.get(kind, [])
        state[kind] = [value for value in said if not offered[kind] or value in offered[kind]]
    state["category"] = next((value for value in link.get("category", ()) if value in offered["category"]), None)
    for name in link.keys() - offered.keys() - {"range"}:
        st.query_params[name] = link[name]


def _draw_range(*, disabled: bool) -> None:
    st.segmented_control(
        "Range",
        [preset.value for preset in Preset],
        default=Preset.TODAY.value,
        required=True,
        key="range",
        bind="query-params",
        label_visibility="collapsed",
        disabled=disabled,
    )
    if st.session_state["range"] == Preset.DAYS:
        _draw_days(disabled=disabled)


def _draw_days(*, disabled: bool) -> None:
    st.date_input(
        "First and last day (UTC)",
        value=[],
        max_value=datetime.now(UTC).date(),
        key="days",
        bind="query-params",
        label_visibility="collapsed",
        format="YYYY-MM-DD",
        width=230,
        disabled=disabled,
    )


def _draw_filters(known: Names, *, disabled: bool) -> None:
    offered = options(known)
    number = 0 if disabled else sum(len(_selected(kind, offered[kind])) for kind in offered)
    with st.expander(f"Filters · {number}" if number else "Filters", icon=":material/filter_alt:", width=230):
        if disabled:
            st.caption("They do not apply to this page.")
        for kind, label in (("warehouse", "Warehouse"), ("courier", "Courier"), ("payment", "Payment type")):
            st.multiselect(
                label,
                offered[kind],
                key=kind,
                bind="query-params",
                placeholder="All",
                help=_listing(kind, known),
                disabled=disabled,
            )
        st.selectbox(
            "Category",
            offered["category"],
            index=None,
            key="category",
            bind="query-params",
            placeholder="All",
            help="One at a time: an order with two categories would count twice. Money is then net item sales.",
            disabled=disabled,
        )


def _selected(kind: Kind, offered: Sequence[str]) -> list[str]:
    """What is chosen and exists."""
    return [one for one in wanted(kind) if one in offered]


def _listing(kind: Kind, known: Names) -> str | None:
    return "; ".join(f"{number} {name}" for number, name in _named(kind, known).items()) or None


def _named(kind: Kind, known: Names) -> Mapping[int, str]:
    return {"warehouse": known.warehouses, "courier": known.couriers}.get(kind, {})


def _draw_pills(known: Names, *, shown: bool) -> None:
    """One button per chosen value, which takes it away again; nothing when nothing is chosen."""
    # The empty row stays in its place (Streamlit does not show it): else the page below would be built again.
    with st.container(horizontal=True, gap="xsmall", key="pills"):
        choice = chosen()
        for kind, value in choice.words() if shown else ():
            name = _named(kind, known).get(int(value), "") if kind in ("warehouse", "courier") else ""
            st.button(
                f"{kind.capitalize()}: {value} {name}".rstrip(),
                icon=":material/close:",
                icon_position="right",
                key=f"pill-{kind}-{value}",
                on_click=partial(choose, kind, toggled(kind, choice.values(kind), value)),
                help="Remove this filter",
            )


def badge(age: FigureAge, now: datetime) -> Badge:
    """What the badge says about the figures' age at `now`."""
    old = "" if age.as_of is None else f" · {age_text(max(0, round((now - age.as_of).total_seconds())))} old"
    loaded = 100 * (age.history_share or 0)
    return {
        AgeState.LIVE: Badge(f"Live{old}", "check_circle", "green", "Every event up to this age is in the figures."),
        AgeState.CATCHING_UP: Badge(
            f"Catching up · {count(age.events_behind)} behind",
            "sync",
            "blue",
            "Events wait in Kafka; the figures describe the past until they are applied.",
        ),
        AgeState.STALE: Badge(
            f"Stale{old}" if age.as_of else "No stream yet",
            "warning",
            "orange",
            "The stream has not reported for 15 seconds or more; the figures stay as they were.",
        ),
        AgeState.SOURCE_SILENT: Badge(
            "Source silent",
            "volume_off",
            "gray",
            "The figures are current, but no event has arrived for 60 seconds or more.",
        ),
        AgeState.LOADING_HISTORY: Badge(
            f"Loading history {loaded:.0f} %",
            "hourglass_top",
            "blue",
            "The past is being filled in, the newest hours first. What is not known before its end says so.",
        ),
    }[age.state]


def _pulse(settings: Settings, db: MongoDatabase, now: datetime) -> FigureAge:
    """The age of every figure on screen."""
    loading = read_loading(db)
    return figure_age(read_progress(db, settings.topic), now, None if loading is None else loading.share)


def _draw_state() -> None:
    now = datetime.now(UTC)
    paused_at = st.session_state.get("paused_at")
    if not st.session_state.get("live", True):
        shown = Badge(f"Paused at {clock(paused_at)}", "pause_circle", "gray", "Switch Live on to go on.")
    else:
        answer = answers().get("pulse", 0.9, _pulse)
        if answer.failure or answer.value is None:
            shown = Badge("No connection", "cloud_off", "red", answer.failure or "")
        else:
            shown = badge(answer.value, now)
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="state"):
        st.badge(shown.text, icon=f":material/{shown.icon}:", color=shown.colour, help=shown.help)
        st.markdown(f":gray[{clock(now)} UTC]", width="content")


def _remember_pause() -> None:
    st.session_state["paused_at"] = None if st.session_state["live"] else datetime.now(UTC)
