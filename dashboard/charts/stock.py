"""The charts of the Inventory page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.charts.base import blank
from dashboard.formats import count, days
from dashboard.palette import Palette
from dashboard.queries.stock import Shelf

_LEAST_COVER_DAYS = 7.0
_MOST_COVER_DAYS = 90.0


def cover_map(
    cover: Mapping[tuple[int, str], float | None], names: Mapping[int, str], colours: Palette, height: int
) -> go.Figure:
    """Days of cover, warehouses down and categories across; the darker, the sooner it runs out, the number in it."""
    categories = sorted({category for _, category in cover})
    rows = [[cover.get((number, category)) for category in categories] for number in names]
    known = [value for row in rows for value in row if value is not None]
    figure = blank(colours, height)
    figure.add_heatmap(
        x=categories,
        y=list(names.values()),
        z=[[None if value is None else min(max(value, 0.0), _MOST_COVER_DAYS) for value in row] for row in rows],
        zmin=0,
        zmax=min(max([_LEAST_COVER_DAYS, *known]), _MOST_COVER_DAYS),
        colorscale=[[0, colours.period], [1, colours.surface]],
        showscale=False,
        xgap=2,
        ygap=2,
        hovertext=[
            [f"{name}, {category}: {days(value)}" for category, value in zip(categories, row, strict=True)]
            for name, row in zip(names.values(), rows, strict=True)
        ],
        hoverinfo="text",
        text=[["—" if value is None else days(value).removesuffix(" d") for value in row] for row in rows],
        texttemplate="%{text}",
    )
    figure.update_xaxes(side="bottom", tickangle=-30, fixedrange=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True)
    return figure


def movements(shelf: Shelf, colours: Palette, height: int) -> go.Figure:
    """From the opening units to those left to sell, one step per kind of movement."""
    steps: Sequence[tuple[str, str, int]] = (
        ("opening", "absolute", shelf.opening),
        ("received", "relative", shelf.moves.received),
        ("shipped", "relative", -shelf.moves.shipped),
        ("returned", "relative", shelf.moves.returned),
        ("on hand", "total", shelf.on_hand),
        ("reserved", "relative", -shelf.moves.reserved),
        ("available", "total", shelf.available),
    )
    figure = blank(colours, height)
    figure.add_waterfall(
        x=[name for name, _, _ in steps],
        measure=[measure for _, measure, _ in steps],
        y=[units for _, _, units in steps],
        text=[count(units) for _, _, units in steps],
        textposition="outside",
        textfont={"size": 12, "color": colours.text},
        cliponaxis=False,
        hovertemplate="%{x}: %{text} units<extra></extra>",
        connector={"line": {"color": colours.border, "width": 1}},
        increasing={"marker": {"color": colours.baseline}},
        decreasing={"marker": {"color": colours.baseline}},
        totals={"marker": {"color": colours.period}},
    )
    figure.update_layout(margin={"l": 8, "r": 8, "t": 24, "b": 8})
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(nticks=4, fixedrange=True, zeroline=True, zerolinecolor=colours.text)
    return figure
