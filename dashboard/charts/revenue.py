"""Revenue over time: this period, the one before, and what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import plotly.graph_objects as go

from dashboard.charts.base import LEGEND_ABOVE, blank
from dashboard.formats import currency_sign
from dashboard.palette import Palette
from dashboard.queries.overview import RevenueLine
from dashboard.queries.usual import UsualRange
from dashboard.ranges import DAY, Preset, Span

_HALF_HOUR_SECONDS = 1800
_HALF_HOUR = timedelta(seconds=_HALF_HOUR_SECONDS)
_PERIOD_NAMES = {
    Preset.HOUR: "last hour",
    Preset.TODAY: "today",
    Preset.YESTERDAY: "yesterday",
    Preset.WEEK: "7 days",
    Preset.MONTH: "30 days",
    Preset.DAYS: "chosen days",
}


def revenue(
    line: RevenueLine,
    span: Span,
    usual: Mapping[datetime, UsualRange],
    colours: Palette,
    currency: str,
    height: int,
) -> go.Figure:
    """Revenue per bucket before its usual range; the running bucket is a hollow point: it is not a fall in sales."""
    figure = blank(colours, height)
    _add_band(figure, usual, colours)
    if line.earlier and span.earlier is not None:
        figure.add_scatter(
            x=[bucket.at + span.earlier for bucket in line.earlier],
            y=[bucket.total.revenue_cents / 100 for bucket in line.earlier],
            name=span.earlier_name,
            legendrank=3,
            mode="lines",
            line={"color": colours.baseline, "width": 1.5, "dash": "dot"},
            hovertemplate=f"{span.earlier_name} %{{x|%H:%M}}: %{{y:,.2f}}<extra></extra>",
        )
    figure.add_scatter(
        x=[bucket.at for bucket in line.closed],
        y=[bucket.total.revenue_cents / 100 for bucket in line.closed],
        name=_PERIOD_NAMES[span.preset],
        legendrank=1,
        mode="lines" if len(line.closed) > 1 else "markers",
        line={"color": colours.period, "width": 2.5},
        customdata=[f"<br>{_usual_text(usual[bucket.at])}" if bucket.at in usual else "" for bucket in line.closed],
        hovertemplate="%{x|%d %b %H:%M}: %{y:,.2f}%{customdata}<extra></extra>",
    )
    if line.running is not None:
        figure.add_scatter(
            x=[line.running.at],
            y=[line.running.total.revenue_cents / 100],
            name="so far",
            legendrank=2,
            mode="markers",
            marker={"color": colours.background, "size": 8, "line": {"color": colours.period, "width": 2}},
            hovertemplate="%{x|%d %b %H:%M} so far: %{y:,.2f}<extra></extra>",
        )
    one_day = span.window.end - span.window.start <= DAY
    # An invisible line stretches the axis over the range; a fixed axis range would count as a change at every tick.
    figure.add_scatter(
        x=[span.window.start, span.window.end],
        y=[0, 0],
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(tickformat="%H:%M" if one_day else "%d %b %H:%M" if span.is_cut else "%d %b")
    figure.update_yaxes(rangemode="tozero", tickprefix=currency_sign(currency), tickformat="~s", nticks=5)
    figure.update_layout(showlegend=True, legend=LEGEND_ABOVE, margin={"l": 8, "r": 8, "t": 28, "b": 8})
    _mark_start(figure, line, span, colours)
    return figure


def _add_band(figure: go.Figure, usual: Mapping[datetime, UsualRange], colours: Palette) -> None:
    """The usual range as an area behind the lines, in one piece as long as no half hour is missing."""
    outline: list[tuple[datetime | None, float | None, str]] = []
    for piece in _pieces(sorted(usual)):
        edges = [(at, usual[at].high) for at in piece] + [(at, usual[at].low) for at in reversed(piece)]
        outline += [(at, cents / 100, f"{at:%H:%M} {_usual_text(usual[at])}") for at, cents in edges]
        outline.append((None, None, ""))
    if not outline:
        return
    figure.add_scatter(
        x=[at for at, _, _ in outline],
        y=[amount for _, amount, _ in outline],
        name="usual",
        legendrank=4,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=colours.band,
        hoveron="points",
        hovertext=[text for _, _, text in outline],
        hoverinfo="text",
    )


def _pieces(instants: Sequence[datetime]) -> list[list[datetime]]:
    pieces: list[list[datetime]] = []
    for at in instants:
        if pieces and at - pieces[-1][-1] == _HALF_HOUR:
            pieces[-1].append(at)
        else:
            pieces.append([at])
    return pieces


def _usual_text(usual: UsualRange) -> str:
    return f"usual {usual.low / 100:,.0f}–{usual.high / 100:,.0f}"


def _mark_start(figure: go.Figure, line: RevenueLine, span: Span, colours: Palette) -> None:
    """Shade the part of the range before the first order: no data is not the same as no sales."""
    if line.starts_at is None or not span.window.start < line.starts_at < span.window.end:
        return
    figure.add_vrect(x0=span.window.start, x1=line.starts_at, fillcolor=colours.band, line_width=0, layer="below")
    figure.add_annotation(
        x=span.window.start,
        y=1,
        yref="paper",
        xanchor="left",
        yanchor="top",
        text=f"data starts {line.starts_at:%d %b %H:%M}",
        showarrow=False,
        font={"color": colours.muted, "size": 12},
    )
