"""Parts of a whole: states as one bar, payment types as a ring."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.charts.base import blank
from dashboard.formats import count, share
from dashboard.palette import STATUS_ORDER, Palette
from ecom_platform.contract import PaymentType, Status


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
