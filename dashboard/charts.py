"""The charts of the dashboard: from figures to Plotly, colours from the palette only. No Streamlit, no queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.formats import count, currency_sign, money, share
from dashboard.palette import STATUS_ORDER, Palette
from dashboard.queries.overview import RevenueLine
from dashboard.queries.products import ProductSales
from dashboard.queries.sales import Bucket
from dashboard.ranges import DAY, Preset, Span
from ecom_platform.contract import PaymentType, Status

__all__ = ["orders_per_minute", "payment_donut", "revenue", "status_bar", "top_products"]

_FONT = '"Source Sans", sans-serif'
_LONGEST_NAME = 26
_PERIOD_NAMES = {
    Preset.HOUR: "last hour",
    Preset.TODAY: "today",
    Preset.YESTERDAY: "yesterday",
    Preset.WEEK: "7 days",
    Preset.MONTH: "30 days",
    Preset.DAYS: "chosen days",
}
_LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"}


def revenue(line: RevenueLine, span: Span, colours: Palette, currency: str, height: int) -> go.Figure:
    """Revenue per bucket; the running bucket is a hollow point, because it is not a fall in sales."""
    figure = _figure(colours, height)
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
        hovertemplate="%{x|%d %b %H:%M}: %{y:,.2f}<extra></extra>",
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
    figure.update_xaxes(tickformat="%H:%M" if one_day else "%d %b")
    figure.update_yaxes(rangemode="tozero", tickprefix=currency_sign(currency), tickformat="~s", nticks=5)
    figure.update_layout(showlegend=True, legend=_LEGEND_ABOVE, margin={"l": 8, "r": 8, "t": 28, "b": 8})
    _mark_start(figure, line, span, colours)
    return figure


def orders_per_minute(buckets: Sequence[Bucket], colours: Palette, height: int) -> go.Figure:
    """One bar per minute; the running minute is pale, because it is not over."""
    figure = _figure(colours, height)
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
    figure = _figure(colours, height)
    for state in STATUS_ORDER:
        figure.add_bar(
            x=[status[state]],
            y=[""],
            orientation="h",
            name=state.value,
            marker={"color": colours.status[state], "line": {"color": colours.background, "width": 2}},
            hovertemplate=f"{state.value}: %{{x:,}}<extra></extra>",
        )
    for position, state in enumerate(STATUS_ORDER):
        figure.add_annotation(
            text=f'<span style="color:{colours.status[state]}">■</span> {state.value} <b>{count(status[state])}</b>',
            x=position % 2 / 2,
            y=0,
            xref="paper",
            yref="paper",
            yshift=-6 - 21 * (position // 2),
            xanchor="left",
            yanchor="top",
            align="left",
            showarrow=False,
            font={"color": colours.text, "size": 13},
        )
    figure.update_layout(barmode="stack", bargap=0, margin={"l": 0, "r": 0, "t": 0, "b": height - 36})
    figure.update_xaxes(visible=False, range=[0, max(1, sum(status.values()))], fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    return figure


def payment_donut(valid: Mapping[PaymentType, int], colours: Palette, height: int) -> go.Figure:
    """Valid orders by payment type, labelled directly; the middle is their sum."""
    figure = _figure(colours, height)
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


def top_products(products: Sequence[ProductSales], colours: Palette, currency: str, height: int) -> go.Figure:
    """A ranked bar, best on top; name on the left, amount at the end of the bar."""
    figure = _figure(colours, height)
    best = max((product.net_cents for product in products), default=0) / 100
    figure.add_bar(
        x=[product.net_cents / 100 for product in products],
        # Two products may share a name; the position keeps them apart.
        y=list(range(len(products))),
        orientation="h",
        marker={"color": colours.period, "line": {"width": 0}},
        text=[money(product.net_cents, currency) for product in products],
        textposition="outside",
        textfont={"size": 12, "color": colours.text},
        cliponaxis=False,
        customdata=[(product.name, count(product.units)) for product in products],
        hovertemplate="%{customdata[0]}: %{text}, %{customdata[1]} units<extra></extra>",
    )
    figure.update_layout(bargap=0.28, margin={"l": 4, "r": 4, "t": 0, "b": 0})
    figure.update_xaxes(visible=False, range=[0, best * 1.35 or 1])
    figure.update_yaxes(
        autorange="reversed",
        tickvals=list(range(len(products))),
        ticktext=[_short(product.name) for product in products],
        showgrid=False,
        automargin=True,
        tickfont={"size": 12, "color": colours.text},
    )
    return figure


def _figure(colours: Palette, height: int) -> go.Figure:
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
            # Keeps the reader's zoom for as long as Streamlit keeps the chart (1.67 builds a new one for new figures).
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
