"""The look that all charts share: fonts, axes, legends."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.palette import Palette

_FONT = '"Source Sans", sans-serif'
LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"}
# In a narrow card two names stand beside each other, in the order of the parts.
DENSE_LEGEND_ABOVE = {
    **LEGEND_ABOVE,
    "font": {"size": 11},
    "entrywidth": 0.48,
    "entrywidthmode": "fraction",
    "traceorder": "normal",
}


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
