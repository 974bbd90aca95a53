"""Ranked bars, the first on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.charts.base import blank
from dashboard.palette import Palette

_LONGEST_NAME = 32
_MOST_LARGE_BARS = 17
_FEWEST_SLOTS = 5


@dataclass(frozen=True)
class Ranked:
    """One bar: how long, what stands at its end and what on hovering (None: the same); `key` names it to a click."""

    name: str
    value: float
    text: str
    hover: str | None = None
    key: str = ""


def ranked(bars: Sequence[Ranked], colours: Palette, height: int, *, colour: str | None = None) -> go.Figure:
    """A ranked bar, first on top; name on the left, words at the end of the bar; `key` is what a click returns."""
    figure = blank(colours, height)
    longest = max((bar.value for bar in bars), default=0)
    figure.add_bar(
        x=[bar.value for bar in bars],
        # Two products may share a name; the position keeps them apart.
        y=list(range(len(bars))),
        orientation="h",
        marker={"color": colour or colours.period, "line": {"width": 0}},
        text=[bar.text for bar in bars],
        textposition="outside",
        textfont={"size": 12, "color": colours.text},
        cliponaxis=False,
        customdata=[bar.key for bar in bars],
        hovertext=[f"{bar.name}: {bar.hover or bar.text}" for bar in bars],
        hoverinfo="text",
        # A click selects; what is not selected must not fade, for the selection is shown elsewhere.
        unselected={"marker": {"opacity": 1}},
    )
    room = 1.2 + 0.025 * max((len(bar.text) for bar in bars), default=0)
    figure.update_layout(bargap=0.28, margin={"l": 4, "r": 4, "t": 0, "b": 0})
    figure.update_xaxes(visible=False, range=[0, longest * room or 1], fixedrange=True)
    figure.update_yaxes(
        range=[max(len(bars), _FEWEST_SLOTS) - 0.4, -0.6],
        tickvals=list(range(len(bars))),
        ticktext=[_short(bar.name) for bar in bars],
        showgrid=False,
        automargin=True,
        tickfont={"size": 12 if len(bars) <= _MOST_LARGE_BARS else 10, "color": colours.text},
        fixedrange=True,
    )
    return figure


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
