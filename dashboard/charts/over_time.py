"""Counts over time, as bars or lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from dashboard.charts.base import DENSE_LEGEND_ABOVE, blank, over_time
from dashboard.palette import Palette
from dashboard.queries.sales import Bucket


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
    figure.update_layout(barmode="stack", bargap=0.12, showlegend=True, legend=DENSE_LEGEND_ABOVE)
    return over_time(figure, at)


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
    figure.update_layout(showlegend=len(series) > 1, legend=DENSE_LEGEND_ABOVE)
    return over_time(figure, at)
