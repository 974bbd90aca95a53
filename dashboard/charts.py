"""The charts of the dashboard: from figures to Plotly, colours from the palette only. No Streamlit, no queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import plotly.graph_objects as go

from dashboard.formats import count, currency_sign, share
from dashboard.palette import STATUS_ORDER, Palette
from dashboard.queries.overview import RevenueLine
from dashboard.queries.sales import Bucket
from dashboard.queries.usual import UsualRange
from dashboard.ranges import DAY, Preset, Span
from ecom_platform.contract import PaymentType, Status
from ecom_platform.kpi import bin_edge_seconds

_FONT = '"Source Sans", sans-serif'
_LONGEST_NAME = 32
_HALF_HOUR_SECONDS = 1800
_HALF_HOUR = timedelta(seconds=_HALF_HOUR_SECONDS)
_MOST_LARGE_BARS = 17
_FEWEST_SLOTS = 5
_PERIOD_NAMES = {
    Preset.HOUR: "last hour",
    Preset.TODAY: "today",
    Preset.YESTERDAY: "yesterday",
    Preset.WEEK: "7 days",
    Preset.MONTH: "30 days",
    Preset.DAYS: "chosen days",
}
_LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"}
# In a narrow card two names stand beside each other, in the order of the parts.
_DENSE_LEGEND_ABOVE = {
    **_LEGEND_ABOVE,
    "font": {"size": 11},
    "entrywidth": 0.48,
    "entrywidthmode": "fraction",
    "traceorder": "normal",
}


@dataclass(frozen=True)
class Ranked:
    """One bar: how long, what stands at its end and what on hovering (None: the same); `key` names it to a click."""

    name: str
    value: float
    text: str
    hover: str | None = None
    key: str = ""


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
    figure.update_layout(showlegend=True, legend=_LEGEND_ABOVE, margin={"l": 8, "r": 8, "t": 28, "b": 8})
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


def orders_per_minute(buckets: Sequence[Bucket], colours: Palette, height: int) -> go.Figure:
    """One bar per minute; the running minute is pale, because it is not over."""
    figure = blank(colours, height)
    opacity = [1.0] * (len(buckets) - 1) + [0.45]
    figure.add_bar(
        x=[bucket.at for bucket in buckets],
        y=[bucket.total.orders for bucket in buckets],
        marker={"color": colours.period, "opacity": opacity, "line": {"width": 0}},
        hovertemplate="%{x|%H:%M}: %{y:,} orders<extra></extra>",
    )
    figure.update_layout(bargap=0.2)
    figure.update_xaxes(tickformat="%H:%M", nticks=5)
    figure.update_yaxes(rangemode="tozero", nticks=4, tickformat=",d")
    return figure


def status_bar(status: Mapping[Status, int], colours: Palette, height: int) -> go.Figure:
    """One stacked bar of the five states, in the order of a delivery's life; 2 px between them, labels below.

    The labels are ours and not a legend: Plotly's breaks off when it is narrow, and a state must never be missing.
    """
    figure = blank(colours, height)
    figure.add_traces(
        [
            {
                "type": "bar",
                "x": [status[state]],
                "y": [""],
                "orientation": "h",
                "name": state.value,
                "marker": {"color": colours.status[state], "line": {"color": colours.background, "width": 2}},
                "hovertemplate": f"{state.value}: %{{x:,}}<extra></extra>",
            }
            for state in STATUS_ORDER
        ]
    )
    figure.update_layout(
        barmode="stack",
        bargap=0,
        margin={"l": 0, "r": 0, "t": 0, "b": height - 36},
        xaxis={"visible": False, "range": [0, max(1, sum(status.values()))], "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True},
        # All at once: one by one they took half of the time of this chart.
        annotations=[
            _state_label(position, state, status[state], colours) for position, state in enumerate(STATUS_ORDER)
        ],
    )
    return figure


def _state_label(position: int, state: Status, orders: int, colours: Palette) -> dict[str, object]:
    """Two labels in a row, below the bar."""
    return {
        "text": f'<span style="color:{colours.status[state]}">■</span> {state.value} <b>{count(orders)}</b>',
        "x": position % 2 / 2,
        "y": 0,
        "xref": "paper",
        "yref": "paper",
        "yshift": -6 - 21 * (position // 2),
        "xanchor": "left",
        "yanchor": "top",
        "align": "left",
        "showarrow": False,
        "font": {"color": colours.text, "size": 13},
    }


def payment_donut(valid: Mapping[PaymentType, int], colours: Palette, height: int) -> go.Figure:
    """Valid orders by payment type, labelled directly; the middle is their sum."""
    figure = blank(colours, height)
    total = sum(valid.values())
    figure.add_pie(
        labels=[payment.value for payment in valid],
        values=list(valid.values()),
        text=[share(number / total) if total else "" for number in valid.values()],
        textinfo="label+text",
        textposition="outside",
        texttemplate="%{label}<br>%{text}",
        textfont={"color": colours.text, "size": 13},
        marker={
            "colors": [colours.payment[payment] for payment in valid],
            "line": {"color": colours.background, "width": 2},
        },
        hole=0.62,
        sort=False,
        direction="clockwise",
        hovertemplate="%{label}: %{value:,} orders<extra></extra>",
    )
    figure.add_annotation(
        text=f"<b>{count(total)}</b><br>valid orders",
        showarrow=False,
        font={"size": 15, "color": colours.text},
        x=0.5,
        y=0.5,
    )
    figure.update_layout(margin={"l": 8, "r": 8, "t": 34, "b": 34})
    return figure


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


def stacked(
    at: Sequence[datetime],
    series: Mapping[str, Sequence[int]],
    shades: Mapping[str, str],
    colours: Palette,
    height: int,
) -> go.Figure:
    """Counts per bucket, one bar of several parts each, in the order of `series`; the legend stands above."""
    figure = blank(colours, height)
    for name, counts in series.items():
        figure.add_bar(
            x=list(at),
            y=list(counts),
            name=name,
            marker={"color": shades[name], "line": {"width": 0}},
            hovertemplate=f"%{{x|%d %b %H:%M}} {name}: %{{y:,}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.12, showlegend=True, legend=_DENSE_LEGEND_ABOVE)
    return _over_time(figure, at)


def lines(
    at: Sequence[datetime],
    series: Mapping[str, Sequence[int]],
    shades: Mapping[str, str],
    colours: Palette,
    height: int,
) -> go.Figure:
    """Counts per bucket, one line each; the legend stands above."""
    figure = blank(colours, height)
    for name, counts in series.items():
        figure.add_scatter(
            x=list(at),
            y=list(counts),
            name=name,
            mode="lines" if len(at) > 1 else "markers",
            line={"color": shades[name], "width": 2},
            hovertemplate=f"%{{x|%d %b %H:%M}} {name}: %{{y:,}}<extra></extra>",
        )
    figure.update_layout(showlegend=len(series) > 1, legend=_DENSE_LEGEND_ABOVE)
    return _over_time(figure, at)


def delays(bins: Mapping[int, int], colours: Palette, height: int) -> go.Figure:
    """Deliveries by their delay in half hours; the promise is a line at 0, right of it is late."""
    figure = blank(colours, height)
    halves: dict[int, int] = {}
    for number, orders in bins.items():
        half = bin_edge_seconds(number) // _HALF_HOUR_SECONDS
        halves[half] = halves.get(half, 0) + orders
    shown = range(min(halves, default=0), max(halves, default=0) + 1)
    figure.add_bar(
        x=[(half + 0.5) / 2 for half in shown],
        y=[halves.get(half, 0) for half in shown],
        width=[0.46] * len(shown),
        marker={"color": [colours.bad if half >= 0 else colours.period for half in shown], "line": {"width": 0}},
        hovertext=[f"{half / 2:+.1f} to {(half + 1) / 2:+.1f} h: {count(halves.get(half, 0))}" for half in shown],
        hoverinfo="text",
    )
    figure.add_vline(x=0, line={"color": colours.text, "width": 1.5})
    figure.add_annotation(
        x=0,
        y=1,
        yref="paper",
        yanchor="bottom",
        text="promise",
        showarrow=False,
        font={"color": colours.text, "size": 12},
    )
    figure.update_xaxes(ticksuffix=" h", tickformat="+d", nticks=7)
    figure.update_yaxes(rangemode="tozero", nticks=5, tickformat="~s")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 8})
    return figure


def _over_time(figure: go.Figure, at: Sequence[datetime]) -> go.Figure:
    one_day = not at or at[-1] - at[0] <= DAY
    figure.update_xaxes(tickformat="%H:%M" if one_day else "%d %b", nticks=7)
    figure.update_yaxes(rangemode="tozero", nticks=5, tickformat="~s")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 8})
    return figure


def blank(colours: Palette, height: int) -> go.Figure:
    """A chart of this look with nothing in it yet."""
    axis = {
        "gridcolor": colours.border,
        "zeroline": False,
        "linecolor": colours.border,
        "tickfont": {"color": colours.muted, "size": 12},
    }
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": _FONT, "size": 13, "color": colours.text},
            "xaxis": {**axis, "showgrid": False, "automargin": True},
            "yaxis": {**axis, "automargin": True},
            "hoverlabel": {"bgcolor": colours.surface, "bordercolor": colours.border, "font": {"color": colours.text}},
            "showlegend": False,
            # Keeps the reader's zoom for as long as Streamlit keeps the chart; zoom.py does when it builds a new one.
            "uirevision": "constant",
        }
    )


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


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
