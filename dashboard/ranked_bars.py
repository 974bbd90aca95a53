"""Ranked bars in a card: the chart, its words, and what a click on a bar does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from dashboard import charts, formats
from dashboard.filter_controls import bar_key, filter_chart
from dashboard.panels import BODY_HEIGHT, chart
from dashboard.queries.sales import Amounts
from dashboard.selection import Kind
from dashboard.view import View, names


def ranked_bars(
    view: View,
    key: str,
    title: str,
    bars: Sequence[charts.Ranked],
    height: int = BODY_HEIGHT,
    *,
    filters: Kind | None = None,
    on_click: Callable[[Any], None] | None = None,
    colour: str | None = None,
) -> None:
    """Draw bars, the first on top; in words they are `title` and each bar's name and text.

    Args:
        filters: a click filters by what the keys of the bars say.
        on_click: called with the key of a bar.
        colour: of all bars; None: that of this period.
    """
    figure = charts.ranked(bars, view.colours, height, colour=colour)
    alt = f"{title}: {', '.join(f'{bar.name} {bar.text}' for bar in bars)}"
    if filters:
        filter_chart(view, figure, key, alt, filters)
    else:
        chart(figure, key, alt, on_click)


def orders_by(
    view: View, key: str, kind: Literal["warehouse", "courier"], found: Mapping[int, Amounts], height: int
) -> None:
    """Orders placed per warehouse or courier, most first; a click filters by it."""
    name = names().warehouse if kind == "warehouse" else names().courier
    bars = [
        charts.Ranked(name(number), sold.orders, formats.count(sold.orders), key=bar_key(kind, number))
        for number, sold in sorted(found.items(), key=lambda item: (-item[1].orders, item[0]))
    ]
    ranked_bars(view, key, f"Orders per {kind}", bars, height, filters=kind)
