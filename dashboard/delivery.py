"""Delivery: what is late, and whose?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell
from dashboard.filter_controls import CLICK_HELP, bar_key
from dashboard.palette import STATUS_ORDER
from dashboard.panels import (
    BODY_HEIGHT,
    EMPTY,
    body,
    chart,
    csv_button,
    order_link,
    panel,
    table_height,
    tile,
    unknown_tiles,
)
from dashboard.queries.buckets import day_aligned
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
from dashboard.view import Asked, View, WhileLoading, names
from ecom_platform.contract import Status
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.kpi.figures import half_hour

_TILES = ("late_now", "at_risk", "open", "on_time_share", "delay_p50", "delay_p90")
_TALL = 340
_LATE_ROWS = 10
_TILE_HEIGHT = 110
_MOST_LATE = 50
_NOTHING_LATE = ":material/check_circle: Nothing is late"
Found = tuple[Deliveries, Span]


def draw(view: View) -> None:
    """Draw the page at one instant."""
    body(
        lambda: view.ask("deliveries", _ask, PROMISED),
        _TILE_HEIGHT,
        lambda found: _draw_tiles(view, *found),
        note=lambda found: range_note(found[1], view.tick.at, compared=found[0].before is not None),
        draw_unknown=partial(unknown_tiles, _TILES, _TILE_HEIGHT),
    )
    left, right = st.columns([2, 1], gap="small")
    with left:
        _late_panel(view)
    with right:
        _late_by_courier_panel(view)
    first, second, third = st.columns(3, gap="small")
    with first:
        _states_panel(view)
    with second:
        _steps_panel(view)
    with third:
        _delays_panel(view)
    first, second, third = st.columns(3, gap="small")
    with first:
        _placed_panel(view, "courier", lambda found: found.by_courier)
    with second:
        _placed_panel(view, "warehouse", lambda found: found.by_warehouse)
    with third:
        _ages_panel(view)
    _couriers_panel(view)


def _ask(asked: Asked) -> Found:
    return deliveries(asked.db, asked.span, asked.filters, asked.now), asked.span


def _draw_tiles(view: View, found: Deliveries, span: Span) -> None:
    open_now, whole = found.open, found.whole
    everyone = ", ".join(view.choice.ignored(PROMISED))
    versus = span.comparison.short if found.before else "no earlier data"
    judged = versus if whole.enough else f"only {formats.count(whole.due)} due"
    delivered = f"of {formats.count(sum(whole.bins.values()))}"
    draw_tile = partial(tile, height=_TILE_HEIGHT)
    with st.grid(len(_TILES), min_column_width=165, gap="small", key="tiles-grid"):
        of_open = f"of {formats.count(open_now.open)}"
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


def _late_panel(view: View) -> None:
    panel(
        view,
        "late",
        "Late now",
        DEFINITIONS["late_now"].help,
        lambda asked: late_orders(asked.db, asked.now, asked.filters, _MOST_LATE),
        partial(_draw_late, view),
        honours=PROMISED,
        note=lambda found: f"longest overdue first{f', the first {_MOST_LATE}' if len(found) == _MOST_LATE else ''}",
        empty=lambda found: None if found else _NOTHING_LATE,
        height=_TALL,
    )


def _draw_late(view: View, found: list[LateOrder]) -> None:
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
    rows = pd.DataFrame(
        {
            "Order": [order_link(order.order_id) for order in found],
            "Overdue": [formats.duration((now - order.expected_time).total_seconds()) for order in found],
            "Courier": [known.courier(order.courier_id) for order in found],
            "State": [order.status.value for order in found],
            "Promised": [f"{order.expected_time:%d %b %H:%M}" for order in found],
        }
    )
    with st.container(height=table_height(_LATE_ROWS), border=False):
        st.table(rows, border="horizontal", hide_index=True, alt="Open orders past their promise, longest first")


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds() // 60)


def _late_by_courier_panel(view: View) -> None:
    panel(
        view,
        "late-couriers",
        "Late now by courier",
        DEFINITIONS["late_now"].help + CLICK_HELP,
        _ask,
        lambda found: _draw_late_by_courier(view, found[0]),
        question="deliveries",
        honours=PROMISED,
        note=lambda found: f"{formats.counted(found[0].open.late, 'late order')}, most first",
        empty=lambda found: None if found[0].open.late else _NOTHING_LATE,
        height=_TALL,
    )


def _draw_late_by_courier(view: View, found: Deliveries) -> None:
    bars = [
        charts.Ranked(names().courier(courier), late, formats.count(late), key=bar_key("courier", courier))
        for courier, late in list(found.open.late_by_courier.items())[:12]
    ]
    ranked_bars(view, "late-couriers", "Late now by courier", bars, _TALL, filters="courier", colour=view.colours.bad)


def _states_panel(view: View) -> None:
    panel(
        view,
        "states",
        "Status by time placed",
        DEFINITIONS["order_status"].help,
        lambda asked: states_by_bucket(asked.db, asked.span.window, asked.span.grain, asked.filters),
        lambda found: _draw_states(view, "states", found, list(STATUS_ORDER), bars=True),
        honours=PROMISED,
        note=lambda found: f"{formats.count(_sum(found))} placed, by state now, UTC",
        empty=lambda found: None if _sum(found) else EMPTY,
        while_loading=WhileLoading.CUT,
    )


def _steps_panel(view: View) -> None:
    shown = [status for status in STATUS_ORDER if status is not Status.PENDING]
    panel(
        view,
        "steps",
        "Delivery steps",
        DEFINITIONS["delivery_steps"].help,
        _ask_steps,
        lambda found: _draw_states(view, "steps", found, shown, bars=False),
        honours=PROMISED,
        note=lambda _: "steps by the time they were taken, UTC",
        empty=lambda found: None if _sum(found) else "No steps in this range",
    )


def _ask_steps(asked: Asked) -> list[StatusBucket]:
    """Buckets that are over; steps are kept by half hours, so the last hour is read from those it touches."""
    window = asked.span.window
    if asked.span.grain is Grain.DAY:
        return steps_by_bucket(asked.db, window.until(day_aligned(asked.now)), Grain.DAY, asked.filters)
    closed = Window(half_hour(window.start), window.end).until(half_hour(asked.now))
    return steps_by_bucket(asked.db, closed, Grain.HALF_HOUR, asked.filters)


def _sum(found: list[StatusBucket]) -> int:
    return sum(sum(bucket.states.values()) for bucket in found)


def _draw_states(view: View, key: str, found: list[StatusBucket], shown: Sequence[Status], *, bars: bool) -> None:
    series = {state.value: [bucket.states[state] for bucket in found] for state in shown}
    shades = {state.value: view.colours.status[state] for state in shown}
    make = charts.stacked if bars else charts.lines
    figure = make([bucket.at for bucket in found], series, shades, view.colours, BODY_HEIGHT)
    described = ", ".join(f"{name} {formats.count(sum(counts))}" for name, counts in series.items())
    chart(figure, key, f"{'Orders by state' if bars else 'Steps'} over time: {described}")


def _delays_panel(view: View) -> None:
    panel(
        view,
        "delays",
        "Delivery delay",
        DEFINITIONS["delivery_delay"].help,
        _ask,
        lambda found: _draw_delays(view, found[0].whole),
        question="deliveries",
        honours=PROMISED,
        note=lambda found: f"{formats.count(sum(found[0].whole.bins.values()))} delivered, by half hours",
        empty=lambda found: None if found[0].whole.bins else "Nothing due was delivered in this range",
    )


def _draw_delays(view: View, whole: Promises) -> None:
    p50, p90 = (formats.duration(whole.delay_seconds(percent)) for percent in (50, 90))
    figure = charts.delays(whole.bins, view.colours, BODY_HEIGHT)
    chart(figure, "delays", f"Delivery minus promise: median {p50}, 9 of 10 within {p90}")


def _placed_panel(
    view: View,
    kind: Literal["warehouse", "courier"],
    part: Callable[[Placed], Mapping[int, Amounts]],
) -> None:
    key, title = f"per-{kind}", f"Orders per {kind}"
    honours = PROMISED if kind == "courier" else EVERY

    panel(
        view,
        key,
        title,
        DEFINITIONS["orders"].help + CLICK_HELP,
        lambda asked: placed_by(asked.db, asked.span, asked.filters),
        lambda found: orders_by(view, key, kind, part(found), _TALL),
        question="placed",
        honours=honours,
        note=lambda found: f"{formats.counted(sum(sold.orders for sold in part(found).values()), 'order')} placed",
        empty=lambda found: None if part(found) else EMPTY,
        height=_TALL,
        while_loading=WhileLoading.CUT,
    )


def _ages_panel(view: View) -> None:
    panel(
        view,
        "ages",
        "Open by age",
        DEFINITIONS["open"].help + " Age is the time since the order was placed.",
        _ask,
        lambda found: _draw_ages(view, found[0]),
        question="deliveries",
        honours=PROMISED,
        note=lambda found: f"{formats.counted(found[0].open.open, 'open order')} now",
        empty=lambda found: None if found[0].open.open else ":material/check_circle: Nothing is open",
        height=_TALL,
    )


def _draw_ages(view: View, found: Deliveries) -> None:
    ages = zip(AGES, found.open.by_age, strict=True)
    bars = [charts.Ranked(age, orders, formats.count(orders)) for age, orders in ages]
    ranked_bars(view, "ages", "Open orders by age", bars, _TALL)


def _couriers_panel(view: View) -> None:
    panel(
        view,
        "couriers",
        "Couriers",
        DEFINITIONS["on_time_share"].help,
        _ask,
        lambda found: _draw_couriers(view, found[0]),
        question="deliveries",
        honours=PROMISED,
        note=lambda _: "orders due in this range, most late first; grey: fewer than 30 due, too few to judge",
        empty=lambda found: None if found[0].whole.due else "Nothing was due in this range",
        grows=True,
    )


def _draw_couriers(view: View, found: Deliveries) -> None:
    rows = sorted(
        ((courier, kept) for courier, kept in found.by_courier.items() if kept.due),
        key=lambda row: (-row[1].late, row[0]),
    )
    known = names()
    csv_button(
        view,
        "couriers",
        ["Courier", "Name", "Due", "On time", "Late", "Delay median (seconds)", "Delay 9 of 10 (seconds)"],
        [_courier_row(courier, known.couriers.get(courier, ""), kept) for courier, kept in rows],
    )
    st.table(
        pd.DataFrame(
            {
                "Courier": [_grey(_courier_link(view, courier), kept) for courier, kept in rows],
                "Due": [_grey(formats.count(kept.due), kept) for _, kept in rows],
                "Late": [_grey(formats.count(kept.late), kept) for _, kept in rows],
                "On time": [_grey(formats.share(kept.on_time_share), kept) for _, kept in rows],
                "Delay, 9 of 10": [_grey(formats.duration(kept.delay_seconds(90)), kept) for _, kept in rows],
            }
        ),
        border="horizontal",
        hide_index=True,
        alt="Promises by courier, most late first",
    )


def _courier_link(view: View, courier: int) -> str:
    """A courier as Markdown, leading to this page with their orders only."""
    name = names().courier(courier).replace("[", "(").replace("]", ")")
    return f"[{name}]({view.choice.address('delivery', 'courier', courier)})"


def _courier_row(courier: int, name: str, kept: Promises) -> list[Cell]:
    return [courier, name, kept.due, kept.on_time, kept.late, kept.delay_seconds(50), kept.delay_seconds(90)]


def _grey(text: str, kept: Promises) -> str:
    return text if kept.enough else f":gray[{text}]"
