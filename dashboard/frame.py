"""What stands above every page: the range, the Live switch, the state of the figures and the time in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import streamlit as st

from dashboard.answers import Answers
from dashboard.formats import clock, count
from dashboard.palette import Palette, palette_of
from dashboard.panels import every
from dashboard.queries.pulse import pulse
from dashboard.ranges import Preset
from ecom_platform.store import AgeState, FigureAge

__all__ = ["Badge", "View", "answers", "badge", "draw", "view"]


@dataclass(frozen=True)
class View:
    """What the reader chose."""

    preset: Preset
    live: bool
    colours: Palette

    def pace(self, seconds: float) -> float | None:
        """How often a panel asks again, given its pace on short ranges; None: not by itself."""
        if not self.live or self.preset is Preset.MONTH:
            return None
        return max(seconds, 30.0) if self.preset is Preset.WEEK else seconds


@dataclass(frozen=True)
class Badge:
    """Icon, words and colour; the words alone say it all."""

    text: str
    icon: str
    colour: Literal["red", "orange", "blue", "green", "gray"]
    help: str


@st.cache_resource(show_spinner=False)
def answers() -> Answers:
    """The one set of answers of this process."""
    return Answers()


def view() -> View:
    """The reader's choices, after `draw` has run."""
    preset = Preset(st.session_state.get("range") or Preset.TODAY)
    return View(preset, bool(st.session_state.get("live", True)), palette_of(st.context.theme.type))


def draw() -> None:
    """Draw the row above the pages."""
    with st.container(horizontal=True, vertical_alignment="center", key="frame"):
        st.segmented_control(
            "Range",
            [preset.value for preset in Preset],
            default=Preset.TODAY.value,
            required=True,
            key="range",
            bind="query-params",
            label_visibility="collapsed",
        )
        live = st.toggle("Live", value=True, key="live", on_change=_remember_pause)
        every(1.0 if live else None, "state-badge", _draw_state)


def badge(age: FigureAge, now: datetime) -> Badge:
    """What the badge says about the figures' age at `now`."""
    old = "" if age.as_of is None else f" · {_age(max(0, round((now - age.as_of).total_seconds())))} old"
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
            "Past days are still being filled in; comparisons with them are hidden meanwhile.",
        ),
    }[age.state]


def _draw_state() -> None:
    now = datetime.now(UTC)
    paused_at = st.session_state.get("paused_at")
    if not st.session_state.get("live", True):
        shown = Badge(f"Paused at {clock(paused_at)}", "pause_circle", "gray", "Switch Live on to go on.")
    else:
        answer = answers().get("pulse", 0.9, lambda settings, db, at: pulse(db, settings.topic, settings.home, at))
        if answer.failure or answer.value is None:
            shown = Badge("No connection", "cloud_off", "red", answer.failure or "")
        else:
            shown = badge(answer.value, now)
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="state"):
        st.badge(shown.text, icon=f":material/{shown.icon}:", color=shown.colour, help=shown.help)
        st.markdown(f":gray[{clock(now)} UTC]", width="content")


def _remember_pause() -> None:
    st.session_state["paused_at"] = None if st.session_state["live"] else datetime.now(UTC)


def _age(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} m" if minutes < 120 else f"{minutes // 60} h"
