"""History: what did the days gone by look like, and where are they? Hot days and archived ones alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell, units
from dashboard.panels import chart, csv_button, panel
from dashboard.queries.archive import Layer, layers
from dashboard.queries.history import LONG_RANGES, Days, Hour, daily, days_of, week_hours
from dashboard.selection import EVERY, NOTHING
from dashboard.view import Asked, View, WhileLoading
from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.store.manifests import Manifest, RunState, read_manifests

_TALL = 300
_MOST_RUNS = 10
_EMPTY_HEIGHT = 80
_WHERE = {
    "hot": "in MongoDB",
    "both": "in MongoDB and archived",
    "archived": "archived",
    "gap": "without orders",
    "missing": "MISSING",
}


def draw(view: View) -> None:
    """Draw the page at one instant."""
    panel(
        view,
        "daily",
        "Net item sales per day" if view.choice.filters.category else "Revenue per day",
        DEFINITIONS["revenue"].help + " The strip under the axis says where the orders of a day are: in MongoDB, "
        "archived in files, in both, nowhere because none was placed, or missing.",
        _ask_days,
        lambda found: _draw_days(view, *found),
        honours=EVERY,
        note=lambda found: _day_note(view, *found),
        empty=lambda found: None if any(bucket.total.orders for bucket in found[0].buckets) else "No orders then",
        height=_TALL,
        grows=True,
    )
    panel(
        view,
        "week",
        "Orders by hour, last 7 days",
        DEFINITIONS["orders"].help,
        lambda asked: week_hours(asked.db, asked.now, asked.filters, asked.loading),
        partial(_draw_week, view),
        honours=EVERY,
        note=lambda found: f"Stronger colour: more orders · busiest hour {formats.count(_busiest(found))} · UTC",
        empty=lambda found: None if _busiest(found) else "No orders in the last 7 days",
        height=_TALL,
        while_loading=WhileLoading.SHOWN,
    )
    panel(
        view,
        "runs",
        "Archive runs",
        "What moved orders out of MongoDB (archive), or wrote files of other runs again (compaction).",
        lambda asked: read_manifests(asked.db),
        _draw_runs,
        honours=NOTHING,
        note=_runs_note,
        empty=lambda found: None if found else "Nothing was archived yet",
        height=_EMPTY_HEIGHT,
        grows=True,
        while_loading=WhileLoading.SHOWN,
    )


def _ask_days(asked: Asked) -> tuple[Days, list[Layer]]:
    window = days_of(asked.span, asked.now)
    return daily(asked.db, window, asked.filters), layers(asked.db, window)


def _day_note(view: View, days: Days, where: Sequence[Layer]) -> str:
    total = formats.money(sum(bucket.total.revenue_cents for bucket in days.buckets), view.currency)
    places = Counter(layer.where for layer in where)
    strip = ", ".join(
        f"{formats.counted(places[name], 'day')} {words}" for name, words in _WHERE.items() if places[name]
    )
    last = "the last " if view.choice.preset not in LONG_RANGES else ""
    return f"{total} in {last}{formats.counted(len(where), 'day')} (UTC) · {strip}"


def _draw_days(view: View, days: Days, where: Sequence[Layer]) -> None:
    amount = f"({view.currency})"
    csv_button(
        view,
        "days",
        ["Day", "Where", "Orders placed", "Valid orders", f"Revenue {amount}", f"Booked value {amount}", "Units"],
        [_row(days, number, layer) for number, layer in enumerate(where)],
    )
    figure = charts.daily(days, where, view.colours, view.currency, _TALL)
    chart(figure, "daily", f"Revenue per day, {_day_note(view, days, where)}")


def _row(days: Days, number: int, layer: Layer) -> list[Cell]:
    sold = days.buckets[number].total
    money = units(sold.revenue_cents), units(sold.booked_cents)
    return [f"{layer.day:%Y-%m-%d}", layer.where, sold.orders, sold.valid_orders, *money, sold.units]


def _busiest(found: Sequence[Hour]) -> int:
    return max((hour.orders for hour in found if hour.orders is not None), default=0)


def _draw_week(view: View, found: list[Hour]) -> None:
    figure = charts.week(found, view.colours, _TALL)
    chart(
        figure, "week", f"Orders by day and hour of the last 7 days, the busiest hour {formats.count(_busiest(found))}"
    )


def _runs_note(found: Sequence[Manifest]) -> str:
    newest = f"the newest {_MOST_RUNS} of " if len(found) > _MOST_RUNS else ""
    return f"{newest}{formats.counted(len(found), 'run')}, newest first"


def _draw_runs(found: Sequence[Manifest]) -> None:
    newest = list(reversed(found))[:_MOST_RUNS]
    rows = pd.DataFrame(
        {
            "Run": [run.run for run in newest],
            "Kind": [run.kind.value for run in newest],
            "State": [run.state.value.capitalize() for run in newest],
            "Days": [_days_text(run.days) for run in newest],
            "Orders": [formats.count(run.rows) if run.files else formats.UNKNOWN for run in newest],
            "Size": [_size(run) for run in newest],
            "Took": [_took(run) for run in newest],
        }
    )
    st.table(rows, border="horizontal", hide_index=True, alt="Archive runs, newest first")


def _days_text(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else formats.UNKNOWN


def _size(run: Manifest) -> str:
    return f"{sum(file.bytes for file in run.files) / 1e6:,.1f} MB" if run.files else formats.UNKNOWN


def _took(run: Manifest) -> str:
    if run.state is not RunState.DONE or not run.times:
        return formats.UNKNOWN
    return f"{(max(run.times.values()) - min(run.times.values())).total_seconds():,.1f} s"
