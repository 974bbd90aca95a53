"""What was sold over time, as Overview and Sales show it: the revenue chart, and what stands beside their tiles."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from dashboard import charts, formats
from dashboard.panels import AFTER_LOADING, BODY_HEIGHT, Panel, chart, panel
from dashboard.queries import overview as figures
from dashboard.queries.sales import Amounts
from dashboard.ranges import Preset, Span
from dashboard.usual import BAND_HELP, Verdict, judge, usual_revenue, usual_so_far
from dashboard.view import Asked, NotYet, Question, View, WhileLoading
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS


def _ask_line(asked: Asked) -> tuple[figures.RevenueLine, Span]:
    return figures.revenue_line(
        asked.db, asked.span, asked.filters, asked.now, history_complete=asked.history_complete
    ), asked.span


SOLD = Question("sold", _ask_line, while_loading=WhileLoading.CUT)
"""What was sold per bucket of the range, and before: the tiles' lines and the charts over time share it."""


def closed_totals(view: View) -> list[Amounts]:
    """The course of the range, for sparklines."""
    found = view.ask(SOLD).value
    return [] if found is None or isinstance(found, NotYet) else [bucket.total for bucket in found[0].closed]


def _revenue_title(view: View) -> str:
    """What one point of the revenue chart stands for."""
    return "Net item sales" if view.choice.filters.category else "Revenue"


def _revenue_note(_: View, found: tuple[figures.RevenueLine, Span]) -> str:
    """The buckets, and what the dotted line is."""
    line, span = found
    per = {Grain.MINUTE: "minute", Grain.DAY: "day"}.get(span.grain, "30 minutes")
    return f"per {per}, UTC · dotted: {span.earlier_name}" if line.earlier else f"per {per}, UTC"


def range_note(span: Span, now: datetime, *, compared: bool) -> str:
    """Which time the figures are of, and what changes are against."""
    versus = f" · changes {span.comparison.text}" if compared else ""
    if span.is_cut:
        return f"since {formats.moment(span.window.start, now)} UTC · what was before is being loaded"
    last_day = span.window.end - timedelta(days=1)
    if span.preset is Preset.HOUR:
        promised = f"promises {span.promises.start:%H:%M} to {span.promises.end:%H:%M}"
        return f"{span.window.start:%H:%M} to now, UTC · {promised}{versus}"
    if span.window.start == last_day:
        return f"{last_day:%A %d %B %Y}, UTC day{versus}"
    return f"{span.window.start:%d %b} to {last_day:%d %b %Y}, UTC days{versus}"


def compared_with(span: Span, before: Amounts | None, *, is_loading: bool) -> str:
    """What stands beside a change: what it is against, or why there is none."""
    if before:
        return span.comparison.short
    return AFTER_LOADING if is_loading else "no earlier data"


def judge_sales(view: View, span: Span, current: Amounts) -> dict[str, Verdict]:
    """Booked value and orders of the compared part of a day against what is usual by then, by key of their tiles."""
    booked = judge(
        usual_so_far(view, span, "booked_cents"),
        current.booked_cents,
        partial(formats.money, currency=view.currency),
    )
    orders = judge(usual_so_far(view, span, "orders"), current.orders, formats.count)
    # The change of revenue is that of booked value, and so is what it is judged by.
    return {"revenue": booked, "booked": booked, "orders": orders}


def revenue_panel(height: int = BODY_HEIGHT) -> Panel:
    """The revenue chart, as Overview and Sales have it."""

    @panel(
        "revenue",
        _revenue_title,
        DEFINITIONS["revenue"].help + BAND_HELP,
        SOLD,
        note=_revenue_note,
        empty=lambda found: None if found[0].starts_at else "No orders yet",
        height=height,
    )
    def revenue(view: View, found: tuple[figures.RevenueLine, Span]) -> None:
        line, span = found
        usual = usual_revenue(view, span)
        total = sum(bucket.total.revenue_cents for bucket in line.closed)
        sides = [usual[bucket.at].side(bucket.total.revenue_cents) for bucket in line.closed if bucket.at in usual]
        against = f", {sides.count(1)} above and {sides.count(-1)} below usual" if sides else ""
        described = f"{formats.money(total, view.currency)} in {len(line.closed)} closed buckets{against}"
        figure = charts.revenue(line, span, usual, view.colours, view.currency, height)
        chart(figure, "revenue", f"{_revenue_title(view)} over time, {described}")

    return revenue
