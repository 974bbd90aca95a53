"""The charts of the History page."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.charts.base import LEGEND_ABOVE, blank
from dashboard.formats import count, currency_sign
from dashboard.palette import Palette
from dashboard.queries.archive import Layer
from dashboard.queries.history import Days, Hour
from dashboard.queries.sales import Bucket

# A pattern beside the colour: where a day is must be seen without telling colours apart.
_PATTERNS = {"hot": "", "both": ".", "archived": "/", "gap": "", "missing": "x"}


def daily(days: Days, layers: Sequence[Layer], colours: Palette, currency: str, height: int) -> go.Figure:
    """Revenue per day, the days before as a dotted line, and a strip under the axis that says where each day is."""
    figure = blank(colours, height)
    figure.add_bar(
        x=[bucket.at for bucket in days.buckets],
        y=[bucket.total.revenue_cents / 100 for bucket in days.buckets],
        name="chosen days",
        marker={"color": colours.period, "line": {"width": 0}},
        hovertext=_revenues(days.buckets),
        hoverinfo="text",
    )
    if days.before:
        _add_days_before(figure, days, colours)
    _add_strip(figure, layers, colours)
    figure.update_layout(
        barmode="overlay",
        bargap=0.12,
        showlegend=True,
        legend=LEGEND_ABOVE,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
    )
    figure.update_xaxes(tickformat="%d %b", nticks=10, anchor="y2")
    sign = currency_sign(currency)
    figure.layout.yaxis.update(domain=[0.09, 1], rangemode="tozero", tickprefix=sign, tickformat="~s", nticks=5)
    return figure


def _add_days_before(figure: go.Figure, days: Days, colours: Palette) -> None:
    length = days.window.end - days.window.start
    figure.add_scatter(
        x=[bucket.at + length for bucket in days.before],
        y=[bucket.total.revenue_cents / 100 for bucket in days.before],
        name=f"{length.days} days before",
        mode="lines+markers",
        marker={"size": 4},
        line={"color": colours.baseline, "width": 1.5, "dash": "dot"},
        hovertext=_revenues(days.before),
        hoverinfo="text",
    )


def _add_strip(figure: go.Figure, layers: Sequence[Layer], colours: Palette) -> None:
    """Where each day is, on an axis of its own below the other."""
    shades = {
        "hot": colours.period,
        "both": colours.period,
        "archived": colours.baseline,
        "gap": colours.border,
        "missing": colours.bad,
    }
    figure.add_bar(
        x=[layer.day for layer in layers],
        y=[1] * len(layers),
        yaxis="y2",
        showlegend=False,
        marker={
            "color": [shades[layer.where] for layer in layers],
            "pattern": {
                "shape": [_PATTERNS[layer.where] for layer in layers],
                "fgcolor": colours.background,
                "fillmode": "overlay",
            },
            "line": {"width": 0},
        },
        hovertext=[
            f"{layer.day:%a %d %b}: {layer.where}, {count(layer.placed)} placed, {count(layer.archived)} in files"
            for layer in layers
        ],
        hoverinfo="text",
    )
    figure.update_layout(yaxis2={"domain": [0, 0.05], "visible": False, "range": [0, 1], "fixedrange": True})


def _revenues(buckets: Sequence[Bucket]) -> list[str]:
    return [f"{bucket.at:%a %d %b}: {bucket.total.revenue_cents / 100:,.2f}" for bucket in buckets]


def week(hours: Sequence[Hour], colours: Palette, height: int) -> go.Figure:
    """Orders per hour, days down and hours across; the stronger, the more."""
    days = [hours[start : start + 24] for start in range(0, len(hours), 24)]
    figure = blank(colours, height)
    figure.add_heatmap(
        x=[f"{number:02d}" for number in range(24)],
        y=[f"{day[0].at:%a %d %b}" for day in days],
        z=[[hour.orders for hour in day] for day in days],
        zmin=0,
        colorscale=[[0, colours.surface], [1, colours.period]],
        showscale=False,
        xgap=1,
        ygap=1,
        hovertext=[[f"{hour.at:%a %d %b %H:%M}: {count(hour.orders)} orders" for hour in day] for day in days],
        hoverinfo="text",
    )
    figure.update_xaxes(nticks=12, fixedrange=True, type="category")
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True, type="category")
    return figure
