"""Sales: what sells, and where?"""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell, units
from dashboard.filter_controls import CLICK_HELP, bar_key
from dashboard.panels import (
    BODY_HEIGHT,
    CONTROLS_HEIGHT,
    EMPTY,
    GRID_ROW_HEIGHT,
    TILE_HEIGHT,
    body,
    chart,
    csv_button,
    grid_height,
    panel,
    tile,
    unknown_tiles,
)
from dashboard.queries.products import Measure, ProductBucket, ProductSales, product_by_bucket
from dashboard.queries.sales import Bucket, Group, sales_by_category, sales_by_city
from dashboard.queries.selling import RankedProducts, SalesTiles, ranked_products, sales_tiles, with_others
from dashboard.ranges import Preset, Span
from dashboard.ranked_bars import ranked_bars
from dashboard.revenue_panel import SOLD, ask_line, closed_totals, compared_with, draw_revenue, judge_sales, range_note
from dashboard.selection import EVERY, LOCATED, PROMISED, STOCKED, Kind
from dashboard.view import Asked, View, WhileLoading, names
from ecom_platform.contract import PaymentType
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS

_TILES = ("revenue", "booked", "discount_rate", "cancelled_rate", "returned")
_TALL = 340
_BESIDE_CONTROLS = _TALL + CONTROLS_HEIGHT  # a row ends at one line
_TABLE_HEIGHT = 400
_PRODUCT_ROWS = 12
_MOST_CITIES = 15
_WANTED = "wanted-product"
_MEASURES: dict[str, Measure] = {"Revenue": "net_cents", "Units": "units"}


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
        _best_panel(view)
    with second:
        _location_panel(view)
    with third:
        _payment_panel(view)
    _product_panel(view)
    _table_panel(view)


def _ask_tiles(asked: Asked) -> tuple[SalesTiles, Span]:
    complete = asked.loading is None
    return sales_tiles(asked.db, asked.span, asked.filters, history_complete=complete), asked.span


def _draw_tiles(view: View, found: SalesTiles, span: Span) -> None:
    versus = compared_with(span, found.before, is_loading=found.is_loading)
    sold, currency = found.sold, view.currency
    buckets = closed_totals(view)
    verdicts = judge_sales(view, span, found.current)
    with st.grid(5, min_column_width=165, gap="small", key="tiles-grid"):
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
            view, "locations", "Revenue by city", with_others(found, _MOST_CITIES), height=_BESIDE_CONTROLS
        ),
        honours=LOCATED,
        note=lambda found: (
            f"{formats.counted(len(found), 'city', 'cities')}, together {formats.money(_total(found), view.currency)}"
        ),
        empty=lambda found: None if found else EMPTY,
        height=_BESIDE_CONTROLS,
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
        height=_BESIDE_CONTROLS,
        while_loading=WhileLoading.CUT,
    )


def _draw_payments(view: View, found: list[Bucket]) -> None:
    shown = [payment for payment in PaymentType if payment in found[0].by_payment]
    series = {payment.value: [bucket.by_payment[payment].valid_orders for bucket in found] for payment in shown}
    shades = {payment.value: view.colours.payment[payment] for payment in shown}
    figure = charts.stacked([bucket.at for bucket in found], series, shades, view.colours, _BESIDE_CONTROLS)
    parts = ", ".join(f"{name} {formats.count(sum(counts))}" for name, counts in series.items())
    chart(figure, "payments", f"Valid orders over time by payment type: {parts}")


def _ask_products(measure: Measure, asked: Asked) -> tuple[RankedProducts, Span]:
    complete = asked.loading is None
    found = ranked_products(asked.db, asked.span, asked.filters, measure, history_complete=complete)
    return found, asked.span


def _best_panel(view: View) -> None:
    measure = _MEASURES[st.session_state.get("best") or "Revenue"]
    panel(
        view,
        "best",
        "Top 10",
        DEFINITIONS["top_products"].help + " ▲ and ▼: places won or lost against the baseline.",
        partial(_ask_products, measure),
        lambda found: _draw_best(view, measure, found[0]),
        question=("products", measure),
        honours=STOCKED,
        note=lambda found: _products_note(*found),
        empty=lambda found: None if found[0].products else EMPTY,
        height=_TALL,
        controls=partial(
            st.segmented_control,
            "Rank by",
            list(_MEASURES),
            default="Revenue",
            required=True,
            key="best",
            persist_state="session",
            label_visibility="collapsed",
        ),
        while_loading=WhileLoading.CUT,
    )


def _products_note(found: RankedProducts, span: Span) -> str:
    since = f" since {span.products.start:%H:%M}" if span.preset is Preset.HOUR or span.is_cut else ""
    return f"net item sales{since} · ranks {span.comparison.short}" if found.compared else f"net item sales{since}"


def _draw_best(view: View, measure: Measure, found: RankedProducts) -> None:
    bars = []
    for product in found.products[:10]:
        money = formats.money(product.net_cents, view.currency)
        sold = formats.counted(product.units, "unit")
        bars.append(
            charts.Ranked(
                product.name,
                getattr(product, measure),
                f"{money if measure == 'net_cents' else sold} {_rise(found, product)}".rstrip(),
                f"{money}, {sold}",
                key=names().product(product.product_id),
            )
        )
    ranked_bars(view, "best", "Best-selling products", bars, _TALL, on_click=_choose_product)


def _rise(found: RankedProducts, product: ProductSales) -> str:
    return formats.rise(found.rises[product.product_id]) if found.compared else ""


def _choose_product(label: str) -> None:
    st.session_state[_WANTED] = label


def _take_up_product() -> None:
    """Set what a click chose before the list is drawn: in the callback, a refresh on its way would undo the click."""
    if label := st.session_state.pop(_WANTED, None):
        st.session_state["product"] = label


def _product_panel(view: View) -> None:
    """One product over time: a bar that is clicked, or the list, says which."""
    known = names()
    labels = {known.product(number): number for number in sorted(known.products)}
    _take_up_product()
    with st.container(key="product-choice"):
        chosen = st.selectbox(
            "Product",
            list(labels),
            index=None,
            key="product",
            bind="query-params",
            placeholder="Choose a product, or click a bar of the top 10",
        )
    if chosen is None:
        return
    panel(
        view,
        "product",
        chosen.replace("[", "(").replace("]", ")"),
        DEFINITIONS["top_products"].help,
        partial(_ask_product, labels[chosen]),
        partial(_draw_product, view),
        question=("product", labels[chosen]),
        honours=STOCKED,
        note=lambda found: _product_note(view, found),
        while_loading=WhileLoading.CUT,
    )


def _ask_product(product_id: int, asked: Asked) -> list[ProductBucket]:
    grain = Grain.DAY if asked.span.grain is Grain.DAY else Grain.HOUR
    return product_by_bucket(asked.db, asked.span.products, grain, asked.filters, product_id)


def _product_note(view: View, found: list[ProductBucket]) -> str:
    net = formats.money(sum(bucket.net_cents for bucket in found), view.currency)
    return f"net sales {net} · {formats.counted(sum(bucket.units for bucket in found), 'unit')}, UTC"


def _draw_product(view: View, found: list[ProductBucket]) -> None:
    at = [bucket.at for bucket in found]
    series = {"units": [bucket.units for bucket in found]}
    figure = charts.stacked(at, series, {"units": view.colours.period}, view.colours, BODY_HEIGHT)
    chart(figure, "product", f"Units sold over time, {_product_note(view, found)}")


def _table_panel(view: View) -> None:
    panel(
        view,
        "product-table",
        "All products",
        DEFINITIONS["top_products"].help,
        partial(_ask_products, "net_cents"),
        lambda found: _draw_table(view, *found),
        question=("products", "net_cents"),
        honours=STOCKED,
        note=lambda found: f"{formats.counted(len(found[0].products), 'product')} sold, {_products_note(*found)}",
        empty=lambda found: None if found[0].products else EMPTY,
        height=_TABLE_HEIGHT,
        grows=True,
        while_loading=WhileLoading.CUT,
    )


def _draw_table(view: View, found: RankedProducts, span: Span) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            "Search products",
            key="product-search",
            placeholder="Name, category or number",
            label_visibility="collapsed",
            width=260,
        )
        ranked = list(enumerate(found.products, 1))
        shown = [(place, product) for place, product in ranked if _matches(product, wanted or "")]
        amount = f"Net sales ({view.currency})"
        csv_button(
            view,
            "products",
            ["Rank", "Product number", "Product", "Category", amount, f"Gross sales ({view.currency})", "Units"],
            [_row(place, product) for place, product in shown],
            span=span,
        )
    st.dataframe(
        pd.DataFrame(
            {
                "Rank": [place for place, _ in shown],
                "Change": [_rise(found, product) for _, product in shown],
                "Product": [product.name for _, product in shown],
                "Number": [str(product.product_id) for _, product in shown],
                "Category": [product.category for _, product in shown],
                amount: [product.net_cents / 100 for _, product in shown],
                "Units": [product.units for _, product in shown],
            }
        ),
        height=grid_height(_PRODUCT_ROWS),
        row_height=GRID_ROW_HEIGHT,
        hide_index=True,
        key="product-rows",
        column_config={amount: st.column_config.NumberColumn(format="%,.2f")},
        alt="All products sold in this range, best first",
    )


def _matches(product: ProductSales, wanted: str) -> bool:
    return wanted.strip().lower() in f"{product.product_id} {product.name} {product.category}".lower()


def _row(place: int, product: ProductSales) -> list[Cell]:
    money = units(product.net_cents), units(product.gross_cents)
    return [place, product.product_id, product.name, product.category, *money, product.units]
