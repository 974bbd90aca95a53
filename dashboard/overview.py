"""The panels of the Overview page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, formats
from dashboard.answers import Answer
from dashboard.frame import View, answers, view
from dashboard.palette import STATUS_ORDER
from dashboard.panels import body, card, every
from dashboard.queries import overview as figures
from dashboard.queries.orders import LastOrder, last_orders
from dashboard.queries.products import ProductSales, top_products
from dashboard.queries.pulse import history_share
from dashboard.queries.sales import Bucket, Sales, sales
from dashboard.ranges import Preset, Span, Window, resolve
from ecom_platform.contract import Status
from ecom_platform.kpi.definitions import DEFINITIONS
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase

__all__ = ["draw"]

T = TypeVar("T")
TILE_SECONDS = 5.0
CHART_SECONDS = 10.0
UNPACED_SECONDS = 60.0
BODY_HEIGHT = 220
TILE_HEIGHT = 150
_EMPTY = "No orders in this range"
_FEWEST_POINTS = 3


def draw() -> None:
    """Draw the page for what the reader chose above it."""
    chosen = view()
    every(chosen.pace(TILE_SECONDS), "tiles", partial(_tiles, chosen))
    left, right = st.columns([2, 1], gap="small")
    with left, card(_revenue_title(chosen), DEFINITIONS["revenue"].help, "card-revenue"):
        every(chosen.pace(CHART_SECONDS), "revenue", partial(_revenue, chosen))
    with right, card("Delivered vs pending", DEFINITIONS["order_status"].help, "card-status"):
        every(chosen.pace(CHART_SECONDS), "status", partial(_status, chosen))
    first, second, third = st.columns(3, gap="small")
    with first, card("Orders per minute", DEFINITIONS["orders"].help, "card-minutes"):
        every(chosen.pace(TILE_SECONDS), "minutes", partial(_minutes, chosen))
    with second, card("Payment mix", DEFINITIONS["payment_mix"].help, "card-payment"):
        every(chosen.pace(CHART_SECONDS), "payment", partial(_payment, chosen))
    with third, card("Top 10 products", DEFINITIONS["top_products"].help, "card-products"):
        every(chosen.pace(CHART_SECONDS), "products", partial(_products, chosen))
    with card(
        "Last 10 orders",
        "The newest orders, whatever range is chosen, with the state they are in now.",
        "card-orders",
        height="content",
    ):
        every(chosen.pace(TILE_SECONDS), "orders", partial(_orders, chosen))


def _ask(
    name: str, chosen: View, seconds: float, query: Callable[[Settings, MongoDatabase, Span, datetime], T]
) -> Answer[T]:
    """Ask for the range on screen, resolved at the instant of the question."""
    pace = chosen.pace(seconds)
    # Half a second less than the pace: else every second tick would find the answer of the one before.
    fresh_seconds = UNPACED_SECONDS if pace is None else pace - 0.5
    return answers().get(
        (name, chosen.preset),
        fresh_seconds,
        lambda settings, db, now: query(settings, db, resolve(chosen.preset, now), now),
    )


def _tiles(chosen: View) -> None:
    def query(settings: Settings, db: MongoDatabase, span: Span, now: datetime) -> tuple[figures.Tiles, Span]:
        loaded = history_share(settings.home)
        return figures.tiles(db, span, now, history_complete=loaded is None or loaded >= 1), span

    body(
        lambda: _ask("tiles", chosen, TILE_SECONDS, query),
        TILE_HEIGHT,
        lambda found: _draw_tiles(*found),
        note=lambda found: _range_note(*found),
    )


def _draw_tiles(found: figures.Tiles, span: Span) -> None:
    versus = span.comparison.short if found.before else "no earlier data"
    with st.grid("auto", min_column_width=165, gap="small", key="tiles-grid"):
        _draw_sales_tiles(found, versus)
        _draw_promise_tiles(found, versus)


def _draw_sales_tiles(found: figures.Tiles, versus: str) -> None:
    totals, currency, buckets = found.sales, answers().currency, found.buckets
    averages = [bucket.revenue_cents / bucket.valid_orders / 100 for bucket in buckets if bucket.valid_orders]
    average = formats.money(totals.average_order_value_cents, currency)
    for key, value, changed, line in (
        (
            "revenue",
            formats.money(totals.revenue_cents, currency),
            found.booked_change,
            [bucket.revenue_cents / 100 for bucket in buckets],
        ),
        ("orders", formats.count(totals.orders), found.orders_change, [bucket.orders for bucket in buckets]),
        ("average_order_value", average, found.average_change, averages),
        ("units", formats.count(totals.units), found.units_change, [bucket.units for bucket in buckets]),
    ):
        _tile(key, value, formats.change(changed), versus, line)


def _draw_promise_tiles(found: figures.Tiles, versus: str) -> None:
    _tile(
        "late_now",
        formats.count(found.open.late),
        f"of {formats.count(found.open.open)}",
        "open orders",
        [bucket.late for bucket in found.promise_buckets],
        moved=False,
        more=" The line: orders that missed their promise, by the half hour it was for.",
    )
    _tile(
        "on_time_share",
        formats.share(found.promises.on_time_share),
        formats.points(found.on_time_difference),
        versus if found.promises.enough else f"only {formats.count(found.promises.due)} due",
        [bucket.on_time_share for bucket in found.promise_buckets],
    )


def _tile(
    key: str,
    value: str,
    delta: str | None,
    versus: str,
    line: Sequence[float | None],
    *,
    moved: bool | None = None,
    more: str = "",
) -> None:
    definition = DEFINITIONS[key]
    if moved is None:
        moved = delta is not None and not delta.startswith("0.0 ")
    st.metric(
        definition.label,
        value,
        delta or formats.UNKNOWN,
        # Colour would call a change good or bad; without a usual range to judge by, grey is the honest one.
        delta_color="off",
        delta_arrow="auto" if moved else "off",
        delta_description=versus,
        help=definition.help + more,
        border=True,
        height=TILE_HEIGHT,
        chart_data=list(line) if len(line) >= _FEWEST_POINTS else None,
    )


def _range_note(found: figures.Tiles, span: Span) -> str:
    compared = f" · changes {span.comparison.text}" if found.before else ""
    last_day = span.window.end - timedelta(days=1)
    if span.preset is Preset.HOUR:
        promised = f"promises {span.promises.start:%H:%M} to {span.promises.end:%H:%M}"
        return f"{span.window.start:%H:%M} to now, UTC · {promised}{compared}"
    if span.window.start == last_day:
        return f"{last_day:%A %d %B %Y}, UTC day{compared}"
    return f"{span.window.start:%d %b} to {last_day:%d %b %Y}, UTC days{compared}"


def _revenue_title(chosen: View) -> str:
    per = {Preset.HOUR: "minute", Preset.MONTH: "day"}.get(chosen.preset, "30 minutes")
    return f"Revenue per {per}"


def _revenue(chosen: View) -> None:
    def query(_: Settings, db: MongoDatabase, span: Span, now: datetime) -> tuple[figures.RevenueLine, Span]:
        return figures.revenue_line(db, span, now), span

    def draw_line(found: tuple[figures.RevenueLine, Span]) -> None:
        line, span = found
        figure = charts.revenue(line, span, chosen.colours, answers().currency, BODY_HEIGHT)
        total = formats.money(sum(bucket.revenue_cents for bucket in line.closed), answers().currency)
        _chart(figure, f"revenue-{chosen.preset}", f"Revenue over time, {total} in {len(line.closed)} complete buckets")

    body(
        lambda: _ask("revenue", chosen, CHART_SECONDS, query),
        BODY_HEIGHT,
        draw_line,
        note=lambda found: f"UTC · dotted: {found[1].earlier_name}" if found[0].earlier else "UTC",
        empty=lambda found: None if found[0].starts_at else "No orders yet",
    )


def _sales(chosen: View) -> Answer[Sales]:
    return _ask("sales", chosen, CHART_SECONDS, lambda _, db, span, __: sales(db, span.window, span.grain))


def _status(chosen: View) -> None:
    body(
        lambda: _sales(chosen),
        BODY_HEIGHT,
        partial(_draw_status, chosen),
        note=lambda found: f"{formats.count(found.orders)} placed, by state now",
        empty=lambda found: None if found.orders else _EMPTY,
    )


def _draw_status(chosen: View, found: Sales) -> None:
    opened = found.status[Status.PENDING] + found.status[Status.SHIPPED]
    delivered = found.status[Status.DELIVERED]
    with st.container(horizontal=True, wrap=False, gap="small"):
        for label, number in (("Delivered", delivered), ("Pending + Shipped", opened)):
            st.metric(label, formats.count(number), formats.share(number / found.orders), "off", delta_arrow="off")
    figure = charts.status_bar(found.status, chosen.colours, 112)
    states = ", ".join(f"{state.value} {formats.count(found.status[state])}" for state in STATUS_ORDER)
    _chart(figure, "status", f"Orders by state: {states}")


def _minutes(chosen: View) -> None:
    def query(_: Settings, db: MongoDatabase, __: Span, now: datetime) -> list[Bucket]:
        end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return figures.minute_line(db, Window(end - timedelta(hours=1), end))

    def draw_bars(found: list[Bucket]) -> None:
        figure = charts.orders_per_minute(found, chosen.colours, BODY_HEIGHT)
        _chart(figure, "minutes", f"Orders per minute, {_minute_note(found)}")

    body(lambda: _ask("minutes", chosen, TILE_SECONDS, query), BODY_HEIGHT, draw_bars, note=_minute_note)


def _minute_note(found: list[Bucket]) -> str:
    return f"60 minutes, UTC · latest {formats.count(found[-2].orders)}"


def _payment(chosen: View) -> None:
    def draw_donut(found: Sales) -> None:
        figure = charts.payment_donut(found.valid_by_payment, chosen.colours, BODY_HEIGHT)
        parts = ", ".join(f"{kind.value} {formats.count(number)}" for kind, number in found.valid_by_payment.items())
        _chart(figure, "payment", f"Valid orders by payment type: {parts}")

    body(
        lambda: _sales(chosen),
        BODY_HEIGHT,
        draw_donut,
        note=lambda _: "valid orders by payment type",
        empty=lambda found: None if found.valid_orders else _EMPTY,
    )


def _products(chosen: View) -> None:
    def query(_: Settings, db: MongoDatabase, span: Span, __: datetime) -> tuple[list[ProductSales], Span]:
        return top_products(db, span.products), span

    def draw_bars(found: tuple[list[ProductSales], Span]) -> None:
        figure = charts.top_products(found[0], chosen.colours, answers().currency, BODY_HEIGHT)
        ranked = ", ".join(
            f"{product.name} {formats.money(product.net_cents, answers().currency)}" for product in found[0]
        )
        _chart(figure, "products", f"Best-selling products: {ranked}")

    def note(found: tuple[list[ProductSales], Span]) -> str:
        span = found[1]
        return f"net sales since {span.products.start:%H:%M}" if span.preset is Preset.HOUR else "net sales"

    body(
        lambda: _ask("products", chosen, CHART_SECONDS, query),
        BODY_HEIGHT,
        draw_bars,
        note=note,
        empty=lambda found: None if found[0] else _EMPTY,
    )


def _orders(chosen: View) -> None:
    body(
        lambda: _ask("orders", chosen, TILE_SECONDS, lambda _, db, __, now: last_orders(db, now)),
        BODY_HEIGHT,
        _draw_orders,
        note=lambda _: "newest first, times in UTC",
        empty=lambda found: None if found else "No orders yet",
    )


def _draw_orders(found: list[LastOrder]) -> None:
    currency = answers().currency
    rows = pd.DataFrame(
        {
            "Time": [formats.clock(order.order_time) for order in found],
            "Order": [order.order_id for order in found],
            "Total": [order.total_cents for order in found],
            "State": [order.status.value for order in found],
            "Payment": [order.payment for order in found],
            "Units": [order.units for order in found],
            "City": [order.city for order in found],
        }
    )
    # Numbers stay numbers, so that they are aligned as such; the style writes them as words.
    styled = rows.style.format({"Total": partial(formats.exact_money, currency=currency), "Order": str})
    st.table(styled, border="horizontal", hide_index=True, alt="The ten newest orders")


def _chart(figure: go.Figure, key: str, alt: str) -> None:
    st.plotly_chart(
        figure, key=f"chart-{key}", theme=None, alt=alt, config={"displayModeBar": False}, height=figure.layout.height
    )
