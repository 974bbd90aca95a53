"""How delays are spread."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.charts.base import blank
from dashboard.formats import count
from dashboard.palette import Palette
from ecom_platform.kpi import bin_edge_seconds

_HALF_HOUR_SECONDS = 1800


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
