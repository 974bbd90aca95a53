"""Delivery: what is late, and whose?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell
from dashboard.filter_controls import CLICK_HELP, bar_key
from dashboard.palette import STATUS_ORDER
from dashboard.panels import (
    BODY_HEIGHT,
    EMPTY,
    Panel,
    chart,
    csv_button,
    order_link,
    panel,
    row,
    table,
    table_height,
    tile,
    tile_row,
)
from dashboard.queries.delivering import Deliveries, Placed, deliveries, placed_by
from dashboard.queries.delivery import (
    AGES,
    LateOrder,
    Promises,
    StatusBucket,
    late_orders,
    states_by_bucket,
    steps_by_bucket,
)
from dashboard.queries.sales import Amounts
from dashboard.ranges import Span, Window
from dashboard.ranked_bars import orders_by, ranked_bars
from dashboard.revenue_panel import range_note
from dashboard.selection import EVERY, PROMISED
from dashboard.view import Asked, Question, View, WhileLoading, names
from ecom_platform.contract import Status
from ecom_platform.contract.times import midnight
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.kpi.figures import half_hour

_TALL = 340
_LATE_ROWS = 10
_TILE_HEIGHT = 110
_MOST_LATE = 50
_NOTHING_LATE = ":material/check_circle: Nothing is late"
Found = tuple[Deliveries, Span]


def _ask(asked: Asked) -> Found:
    return deliveries(asked.db, asked.span, asked.filters, asked.now), asked.span


DELIVERIES = Question("deliveries", _ask, PROMISED)
"""Everything about promises."""


def draw(view: View) -> None:
    """Draw the page at one instant."""
    _tiles(view)
    row(view, _late, _late_by_courier, widths=(2, 1))
    row(view, _states, _steps, _delays)
    row(view, _per_courier, _per_warehouse, _ages)
    _couriers(view)


@tile_row(
    ("late_now", "at_risk", "open", "on_time_share", "delay_p50", "delay_p90"),
    DELIVERIES,
    note=lambda view, found: range_note(found[1], view.tick.at, compared=found[0].before is not None),
    height=_TILE_HEIGHT,
)
def _tiles(view: View, answer: Found) -> None:
    found, span = answer
    open_now, whole = found.open, found.whole
    everyone = ", ".join(view.choice.ignored(PROMISED))
    versus = span.comparison.short if found.before else "no earlier data"
    judged = versus if whole.enough else f"only {formats.count(whole.due)} due"
    delivered = f"of {formats.count(sum(whole.bins.values()))}"
    of_open = f"of {formats.count(open_now.open)}"
    draw_tile = partial(tile, height=_TILE_HEIGHT)
    for key, number, beside, words in (
        ("late_now", open_now.late, of_open, "open orders"),
        ("at_risk", open_now.at_risk, of_open, "open orders"),
        ("open", open_now.open, "now", "not delivered yet"),
    ):
        draw_tile(key, formats.count(number), beside, everyone or words, moved=False)
    on_time = formats.points(found.on_time_difference)
    draw_tile("on_time_share", formats.share(whole.on_time_share), on_time, everyone or judged)
    for key, percent in (("delay_p50", 50), ("delay_p90", 90)):
        delay = formats.duration(whole.delay_seconds(percent))
        draw_tile(key, delay, delivered, everyone or "delivered", moved=False)


@panel(
    "late",
    "Late now",
    DEFINITIONS["late_now"].help,
    Question("late", lambda asked: late_orders(asked.db, asked.now, asked.filters, _MOST_LATE), PROMISED),
    note=lambda _, found: f"longest overdue first{f', the first {_MOST_LATE}' if len(found) == _MOST_LATE else ''}",
    empty=lambda found: None if found else _NOTHING_LATE,
    height=_TALL,
)
def _late(view: View, found: list[LateOrder]) -> None:
    now, known = view.tick.at, names()
    csv_button(
        view,
        "late_orders",
        ["Order", "Overdue (minutes)", "Courier", "Warehouse", "State", "Placed", "Promised"],
        [
            [
                order.order_id,
                _minutes(now - order.expected_time),
                order.courier_id,
                order.warehouse_id,
                order.status.value,
                order.order_time,
                order.expected_time,
            ]
            for order in found
        ],
    )
    with st.container(height=table_height(_LATE_ROWS), border=False):
        table(
            "Open orders past their promise, longest first",
            {
                "Order": [order_link(order.order_id) for order in found],
                "Overdue": [formats.duration((now - order.expected_time).total_seconds()) for order in found],
                "Courier": [known.courier(order.courier_id) for order in found],
                "State": [order.status.value for order in found],
                "Promised": [f"{order.expected_time:%d %b %H:%M}" for order in found],
            },
        )


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds() // 60)


@panel(
    "late-couriers",
    "Late now by courier",
    DEFINITIONS["late_now"].help + CLICK_HELP,
    DELIVERIES,
    note=lambda _, found: f"{formats.counted(found[0].open.late, 'late order')}, most first",
    empty=lambda found: None if found[0].open.late else _NOTHING_LATE,
    height=_TALL,
)
def _late_by_courier(view: View, found: Found) -> None:
    bars = [
        charts.Ranked(names().courier(courier), late, formats.count(late), key=bar_key("courier", courier))
        for courier, late in list(found[0].open.late_by_courier.items())[:12]
    ]
    ranked_bars(view, "late-couriers", "Late now by courier", bars, _TALL, filters="courier", colour=view.colours.bad)


@panel(
    "states",
    "Status by time placed",
    DEFINITIONS["order_status"].help,
    Question(
        "states",
        lambda asked: states_by_bucket(asked.db, asked.span.window, asked.span.grain, asked.filters),
        PROMISED,
        WhileLoading.CUT,
    ),
    note=lambda _, found: f"{formats.count(_sum(found))} placed, by state now, UTC",
    empty=lambda found: None if _sum(found) else EMPTY,
)
def _states(view: View, found: list[StatusBucket]) -> None:
    _draw_states(view, "states", found, STATUS_ORDER, bars=True)


def _ask_steps(asked: Asked) -> list[StatusBucket]:
    """Buckets that are over; steps are kept by half hours, so the last hour is read from those it touches."""
    window = asked.span.window
    if asked.span.grain is Grain.DAY:
        return steps_by_bucket(asked.db, window.until(midnight(asked.now)), Grain.DAY, asked.filters)
    closed = Window(half_hour(window.start), window.end).until(half_hour(asked.now))
    return steps_by_bucket(asked.db, closed, Grain.HALF_HOUR, asked.filters)


@panel(
    "steps",
    "Delivery steps",
    DEFINITIONS["delivery_steps"].help,
    Question("steps", _ask_steps, PROMISED),
    note=lambda *_: "steps by the time they were taken, UTC",
    empty=lambda found: None if _sum(found) else "No steps in this range",
)
def _steps(view: View, found: list[StatusBucket]) -> None:
    shown = [status for status in STATUS_ORDER if status is not Status.PENDING]
    _draw_states(view, "steps", found, shown, bars=False)


def _sum(found: list[StatusBucket]) -> int:
    return sum(sum(bucket.states.values()) for bucket in found)


def _draw_states(view: View, key: str, found: list[StatusBucket], shown: Sequence[Status], *, bars: bool) -> None:
    series = {state.value: [bucket.states[state] for bucket in found] for state in shown}
    shades = {state.value: view.colours.status[state] for state in shown}
    at = [bucket.at for bucket in found]
    figure = charts.counts(at, series, shades, view.colours, BODY_HEIGHT, as_lines=not bars)
    chart(figure, key, f"{'Orders by state' if bars else 'Steps'} over time: {formats.sums(series)}")


@panel(
    "delays",
    "Delivery delay",
    DEFINITIONS["delivery_delay"].help,
    DELIVERIES,
    note=lambda _, found: f"{formats.count(sum(found[0].whole.bins.values()))} delivered, by half hours",
    empty=lambda found: None if found[0].whole.bins else "Nothing due was delivered in this range",
)
def _delays(view: View, found: Found) -> None:
    whole = found[0].whole
    p50, p90 = (formats.duration(whole.delay_seconds(percent)) for percent in (50, 90))
    figure = charts.delays(whole.bins, view.colours, BODY_HEIGHT)
    chart(figure, "delays", f"Delivery minus promise: median {p50}, 9 of 10 within {p90}")


def _placed(kind: Literal["warehouse", "courier"], part: Callable[[Placed], Mapping[int, Amounts]]) -> Panel:
    @panel(
        f"per-{kind}",
        f"Orders per {kind}",
        DEFINITIONS["orders"].help + CLICK_HELP,
        Question(
            "placed",
            lambda asked: placed_by(asked.db, asked.span, asked.filters),
            PROMISED if kind == "courier" else EVERY,
            WhileLoading.CUT,
        ),
        note=lambda _, found: f"{formats.counted(sum(sold.orders for sold in part(found).values()), 'order')} placed",
        empty=lambda found: None if part(found) else EMPTY,
        height=_TALL,
    )
    def placed(view: View, found: Placed) -> None:
        orders_by(view, f"per-{kind}", kind, part(found), _TALL)

    return placed


_per_courier = _placed("courier", lambda found: found.by_courier)
_per_warehouse = _placed("warehouse", lambda found: found.by_warehouse)


@panel(
    "ages",
    "Open by age",
    DEFINITIONS["open"].help + " Age is the time since the order was placed.",
    DELIVERIES,
    note=lambda _, found: f"{formats.counted(found[0].open.open, 'open order')} now",
    empty=lambda found: None if found[0].open.open else ":material/check_circle: Nothing is open",
    height=_TALL,
)
def _ages(view: View, found: Found) -> None:
    ages = zip(AGES, found[0].open.by_age, strict=True)
    bars = [charts.Ranked(age, orders, formats.count(orders)) for age, orders in ages]
    ranked_bars(view, "ages", "Open orders by age", bars, _TALL)


@panel(
    "couriers",
    "Couriers",
    DEFINITIONS["on_time_share"].help,
    DELIVERIES,
    note=lambda *_: "orders due in this range, most late first; grey: fewer than 30 due, too few to judge",
    empty=lambda found: None if found[0].whole.due else "Nothing was due in this range",
    grows=True,
)
def _couriers(view: View, found: Found) -> None:
    rows = sorted(
        ((courier, kept) for courier, kept in found[0].by_courier.items() if kept.due),
        key=lambda one: (-one[1].late, one[0]),
    )
    known = names()
    csv_button(
        view,
        "couriers",
        ["Courier", "Name", "Due", "On time", "Late", "Delay median (seconds)", "Delay 9 of 10 (seconds)"],
        [_csv_row(courier, known.couriers.get(courier, ""), kept) for courier, kept in rows],
    )
    table(
        "Promises by courier, most late first",
        {
            "Courier": [_grey(_courier_link(view, courier), kept) for courier, kept in rows],
            "Due": [_grey(formats.count(kept.due), kept) for _, kept in rows],
            "Late": [_grey(formats.count(kept.late), kept) for _, kept in rows],
            "On time": [_grey(formats.share(kept.on_time_share), kept) for _, kept in rows],
            "Delay, 9 of 10": [_grey(formats.duration(kept.delay_seconds(90)), kept) for _, kept in rows],
        },
    )


def _courier_link(view: View, courier: int) -> str:
    """A courier as Markdown, leading to this page with their orders only."""
    name = names().courier(courier).replace("[", "(").replace("]", ")")
    return f"[{name}]({view.choice.address('delivery', 'courier', courier)})"


def _csv_row(courier: int, name: str, kept: Promises) -> list[Cell]:
    return [courier, name, kept.due, kept.on_time, kept.late, kept.delay_seconds(50), kept.delay_seconds(90)]


def _grey(text: str, kept: Promises) -> str:
    return text if kept.enough else f":gray[{text}]"
