"""Counts over time, as bars or lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from dashboard.charts.base import DENSE_LEGEND_ABOVE, blank
from dashboard.palette import Palette
from dashboard.queries.sales import Bucket
from dashboard.ranges import DAY


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


def counts(
    at: Sequence[datetime],
    series: Mapping[str, Sequence[int]],
    shades: Mapping[str, str],
    colours: Palette,
    height: int,
    *,
    as_lines: bool = False,
) -> go.Figure:
    """Counts per bucket, in the order of `series`: a bar of several parts, or a line each; the legend stands above."""
    figure = blank(colours, height)
    for name, numbers in series.items():
        hover = f"%{{x|%d %b %H:%M}} {name}: %{{y:,}}<extra></extra>"
        trace = {"x": list(at), "y": list(numbers), "name": name, "hovertemplate": hover}
        if as_lines:
            mode = "lines" if len(at) > 1 else "markers"
            figure.add_scatter(**trace, mode=mode, line={"color": shades[name], "width": 2})
        else:
            figure.add_bar(**trace, marker={"color": shades[name], "line": {"width": 0}})
    figure.update_layout(barmode="stack", bargap=0.12, showlegend=True, legend=DENSE_LEGEND_ABOVE)
    one_day = not at or at[-1] - at[0] <= DAY
    figure.update_xaxes(tickformat="%H:%M" if one_day else "%d %b", nticks=7)
    figure.update_yaxes(rangemode="tozero", nticks=5, tickformat="~s")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 8})
    return figure
