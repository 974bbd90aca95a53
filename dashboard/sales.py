"""Sales: what sells, and where?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import charts, formats
from dashboard.filter_controls import CLICK_HELP, bar_key
from dashboard.panels import BODY_HEIGHT, CONTROLS_HEIGHT, EMPTY, TILE_HEIGHT, body, chart, panel, tile, unknown_tiles
from dashboard.product_panels import RANKS_HEIGHT, draw_all_products, draw_best, draw_one_product
from dashboard.queries.sales import Bucket, Group, sales_by_category, sales_by_city
from dashboard.queries.selling import SalesTiles, sales_tiles, with_others
from dashboard.ranges import Span
from dashboard.ranked_bars import ranked_bars
from dashboard.revenue_panel import SOLD, ask_line, closed_totals, compared_with, draw_revenue, judge_sales, range_note
from dashboard.selection import EVERY, LOCATED, PROMISED, Kind
from dashboard.view import Asked, View, WhileLoading
from ecom_platform.contract import PaymentType
from ecom_platform.kpi.definitions import DEFINITIONS

_TILES = ("revenue", "booked", "discount_rate", "cancelled_rate", "returned")
_BESIDE_RANKS = RANKS_HEIGHT + CONTROLS_HEIGHT  # a row ends at one line
_MOST_CITIES = 15


def draw(view: View) -> None:
    """Draw the page at one instant."""
    body(
        lambda: view.ask("sales-tiles", _ask_tiles, while_loading=WhileLoading.CUT),
        TILE_HEIGHT,
        lambda found: _draw_tiles(view, *found),
        note=lambda found: range_note(found[1], view.tick.at, compared=found[0].before is not None),
        draw_unknown=partial(unknown_tiles, _TILES),
    )
    left, right = st.columns([2, 1], gap="small")
    with left:
        draw_revenue(view)
    with right:
        _category_panel(view)
    first, second, third = st.columns(3, gap="small")
    with first:
        draw_best(view)
    with second:
        _location_panel(view)
    with third:
        _payment_panel(view)
    draw_one_product(view)
    draw_all_products(view)


def _ask_tiles(asked: Asked) -> tuple[SalesTiles, Span]:
    complete = asked.loading is None
    return sales_tiles(asked.db, asked.span, asked.filters, history_complete=complete), asked.span


def _draw_tiles(view: View, found: SalesTiles, span: Span) -> None:
    versus = compared_with(span, found.before, is_loading=found.is_loading)
    sold, currency = found.sold, view.currency
    buckets = closed_totals(view)
    verdicts = judge_sales(view, span, found.current)
    with st.grid(len(_TILES), min_column_width=165, gap="small", key="tiles-grid"):
        tile(
            "revenue",
            formats.money(sold.revenue_cents, currency),
            formats.change(found.booked_change),
            versus,
            [bucket.revenue_cents / 100 for bucket in buckets],
            side=verdicts["revenue"].side,
            more=" The change compares booked value, so that cancellations to come do not count against today."
            + verdicts["revenue"].help,
        )
        tile(
            "booked",
            formats.money(sold.booked_cents, currency),
            formats.change(found.booked_change),
            versus,
            [bucket.booked_cents / 100 for bucket in buckets],
            side=verdicts["booked"].side,
            more=verdicts["booked"].help,
        )
        tile(
            "discount_rate",
            formats.share(sold.discount_share),
            formats.points(found.discount_difference),
            versus,
            [bucket.discount_share for bucket in buckets],
        )
        tile(
            "cancelled_rate",
            formats.share(sold.cancelled_share),
            formats.points(found.cancelled_difference),
            versus,
            [bucket.cancelled_share for bucket in buckets],
        )
        tile(
            "returned",
            formats.money(found.returned_cents, currency),
            "so far",
            ", ".join(view.choice.ignored(PROMISED)) or "of this range",
            moved=False,
        )


def _category_panel(view: View) -> None:
    panel(
        view,
        "categories",
        "Sales by category",
        DEFINITIONS["category_sales"].help + CLICK_HELP,
        lambda asked: sales_by_category(asked.db, asked.span.window, asked.span.grain, asked.filters),
        partial(_draw_groups, view, "categories", "Net sales by category", kind="category"),
        honours=EVERY,
        note=lambda found: f"net item sales, together {formats.money(_total(found), view.currency)}",
        empty=lambda found: None if found else EMPTY,
        while_loading=WhileLoading.CUT,
    )


def _location_panel(view: View) -> None:
    panel(
        view,
        "locations",
        "Sales by location",
        DEFINITIONS["location_sales"].help,
        lambda asked: sales_by_city(asked.db, asked.span.window, asked.span.grain, asked.filters),
        lambda found: _draw_groups(
            view, "locations", "Revenue by city", with_others(found, _MOST_CITIES), height=_BESIDE_RANKS
        ),
        honours=LOCATED,
        note=lambda found: (
            f"{formats.counted(len(found), 'city', 'cities')}, together {formats.money(_total(found), view.currency)}"
        ),
        empty=lambda found: None if found else EMPTY,
        height=_BESIDE_RANKS,
        while_loading=WhileLoading.CUT,
    )


def _total(groups: list[Group]) -> int:
    return sum(group.revenue_cents for group in groups)


def _draw_groups(
    view: View, key: str, title: str, found: list[Group], *, height: int = BODY_HEIGHT, kind: Kind | None = None
) -> None:
    bars = [
        charts.Ranked(
            group.name,
            group.revenue_cents,
            formats.money(group.revenue_cents, view.currency),
            f"{formats.money(group.revenue_cents, view.currency)}, {formats.counted(group.orders, 'order')}",
            key=bar_key(kind, group.name) if kind else "",
        )
        for group in found
    ]
    ranked_bars(view, key, title, bars, height, filters=kind)


def _payment_panel(view: View) -> None:
    panel(
        view,
        "payments",
        "Payment over time",
        DEFINITIONS["payment_mix"].help,
        ask_line,
        lambda found: _draw_payments(view, found[0].buckets),
        question=SOLD,
        honours=EVERY,
        note=lambda _: "valid orders by payment type, UTC",
        empty=lambda found: None if any(bucket.total.orders for bucket in found[0].buckets) else EMPTY,
        height=_BESIDE_RANKS,
        while_loading=WhileLoading.CUT,
    )


def _draw_payments(view: View, found: list[Bucket]) -> None:
    shown = [payment for payment in PaymentType if payment in found[0].by_payment]
    series = {payment.value: [bucket.by_payment[payment].valid_orders for bucket in found] for payment in shown}
    shades = {payment.value: view.colours.payment[payment] for payment in shown}
    figure = charts.stacked([bucket.at for bucket in found], series, shades, view.colours, _BESIDE_RANKS)
    parts = ", ".join(f"{name} {formats.count(sum(counts))}" for name, counts in series.items())
    chart(figure, "payments", f"Valid orders over time by payment type: {parts}")
