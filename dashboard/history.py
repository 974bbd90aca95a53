"""History: what did the days gone by look like, and where are they? Hot days and archived ones alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dashboard import charts, formats, frame, verify_card
from dashboard.csv_file import Cell, units
from dashboard.panels import chart, csv_button, panel, table
from dashboard.queries.archive import Layer, layers
from dashboard.queries.history import LONG_RANGES, Days, Hour, daily, days_of, week_hours
from dashboard.selection import NOTHING
from dashboard.view import Asked, Question, View, WhileLoading
from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.store.manifests import Manifest, RunState, read_manifests

Found = tuple[Days, list[Layer]]
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


def draw_page() -> None:
    """Draw the page, and the button beside the part that refreshes."""
    frame.page("history", draw)
    verify_card.draw(frame.chosen())


def draw(view: View) -> None:
    """Draw the panels at one instant."""
    _daily(view)
    _week(view)
    _runs(view)


def _ask_days(asked: Asked) -> Found:
    window = days_of(asked.span, asked.now)
    return daily(asked.db, window, asked.filters), layers(asked.db, window)


def _day_note(view: View, answer: Found) -> str:
    days, where = answer
    total = formats.money(sum(bucket.total.revenue_cents for bucket in days.buckets), view.currency)
    places = Counter(layer.where for layer in where)
    strip = ", ".join(
        f"{formats.counted(places[name], 'day')} {words}" for name, words in _WHERE.items() if places[name]
    )
    last = "the last " if view.choice.preset not in LONG_RANGES else ""
    return f"{total} in {last}{formats.counted(len(where), 'day')} (UTC) · {strip}"


@panel(
    "daily",
    lambda view: "Net item sales per day" if view.choice.filters.category else "Revenue per day",
    DEFINITIONS["revenue"].help + " The strip under the axis says where the orders of a day are: in MongoDB, "
    "archived in files, in both, nowhere because none was placed, or missing.",
    Question("daily", _ask_days),
    note=_day_note,
    empty=lambda found: None if any(bucket.total.orders for bucket in found[0].buckets) else "No orders then",
    height=_TALL,
    grows=True,
)
def _daily(view: View, answer: Found) -> None:
    days, where = answer
    amount = f"({view.currency})"
    csv_button(
        view,
        "days",
        ["Day", "Where", "Orders placed", "Valid orders", f"Revenue {amount}", f"Booked value {amount}", "Units"],
        [_csv_row(days, number, layer) for number, layer in enumerate(where)],
    )
    figure = charts.daily(days, where, view.colours, view.currency, _TALL)
    chart(figure, "daily", f"Revenue per day, {_day_note(view, answer)}")


def _csv_row(days: Days, number: int, layer: Layer) -> list[Cell]:
    sold = days.buckets[number].total
    money = units(sold.revenue_cents), units(sold.booked_cents)
    return [f"{layer.day:%Y-%m-%d}", layer.where, sold.orders, sold.valid_orders, *money, sold.units]


def _busiest(found: Sequence[Hour]) -> int:
    return max((hour.orders for hour in found if hour.orders is not None), default=0)


@panel(
    "week",
    "Orders by hour, last 7 days",
    DEFINITIONS["orders"].help,
    Question(
        "week",
        lambda asked: week_hours(asked.db, asked.now, asked.filters, asked.loading),
        while_loading=WhileLoading.SHOWN,
    ),
    note=lambda _, found: f"Stronger colour: more orders · busiest hour {formats.count(_busiest(found))} · UTC",
    empty=lambda found: None if _busiest(found) else "No orders in the last 7 days",
    height=_TALL,
)
def _week(view: View, found: list[Hour]) -> None:
    described = f"Orders by day and hour of the last 7 days, the busiest hour {formats.count(_busiest(found))}"
    chart(charts.week(found, view.colours, _TALL), "week", described)


def _runs_note(_: View, found: Sequence[Manifest]) -> str:
    newest = f"the newest {_MOST_RUNS} of " if len(found) > _MOST_RUNS else ""
    return f"{newest}{formats.counted(len(found), 'run')}, newest first"


@panel(
    "runs",
    "Archive runs",
    "What moved orders out of MongoDB (archive), or wrote files of other runs again (compaction).",
    Question("runs", lambda asked: read_manifests(asked.db), NOTHING, WhileLoading.SHOWN),
    note=_runs_note,
    empty=lambda found: None if found else "Nothing was archived yet",
    height=_EMPTY_HEIGHT,
    grows=True,
)
def _runs(_: View, found: Sequence[Manifest]) -> None:
    newest = list(reversed(found))[:_MOST_RUNS]
    table(
        "Archive runs, newest first",
        {
            "Run": [run.run for run in newest],
            "Kind": [run.kind.value for run in newest],
            "State": [run.state.value.capitalize() for run in newest],
            "Days": [_days_text(run.days) for run in newest],
            "Orders": [formats.count(run.rows) if run.files else formats.UNKNOWN for run in newest],
            "Size": [_size(run) for run in newest],
            "Took": [_took(run) for run in newest],
        },
    )


def _days_text(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else formats.UNKNOWN


def _size(run: Manifest) -> str:
    return formats.megabytes(sum(file.bytes for file in run.files)) if run.files else formats.UNKNOWN


def _took(run: Manifest) -> str:
    if run.state is not RunState.DONE or not run.times:
        return formats.UNKNOWN
    return f"{(max(run.times.values()) - min(run.times.values())).total_seconds():,.1f} s"
