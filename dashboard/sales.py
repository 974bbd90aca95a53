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
    COUNTS,
    EMPTY,
    chart,
    csv_button,
    grid,
    panel,
    row,
    tile,
    tile_row,
)
from dashboard.queries.overview import RevenueLine
from dashboard.queries.products import Measure, ProductBucket, ProductSales, product_by_bucket
from dashboard.queries.sales import Group, sales_by_category, sales_by_city
from dashboard.queries.selling import RankedProducts, SalesTiles, ranked_products, sales_tiles, with_others
from dashboard.ranges import Preset, Span
from dashboard.ranked_bars import ranked_bars
from dashboard.revenue_panel import SOLD, closed_totals, compared_with, judge_sales, range_note, revenue_panel
from dashboard.selection import EVERY, LOCATED, PROMISED, STOCKED, Kind
from dashboard.view import Asked, Question, View, WhileLoading, names
from ecom_platform.contract import PaymentType
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS

_TALL = 340
_BESIDE_CONTROLS = _TALL + CONTROLS_HEIGHT  # a row ends at one line
_TABLE_HEIGHT = 400
_PRODUCT_ROWS = 12
_MOST_CITIES = 15
_WANTED = "wanted-product"
_MEASURES: dict[str, Measure] = {"Revenue": "net_cents", "Units": "units"}
Ranking = tuple[RankedProducts, Span]


def draw(view: View) -> None:
    """Draw the page at one instant."""
    _tiles(view)
    row(view, revenue_panel(), _categories, widths=(2, 1))
    row(view, _best, _locations, _payments)
    _product(view)
    _all_products(view)


def _ask_tiles(asked: Asked) -> tuple[SalesTiles, Span]:
    return sales_tiles(asked.db, asked.span, asked.filters, history_complete=asked.history_complete), asked.span


@tile_row(
    ("revenue", "booked", "discount_rate", "cancelled_rate", "returned"),
    Question("sales-tiles", _ask_tiles, while_loading=WhileLoading.CUT),
    note=lambda view, found: range_note(found[1], view.tick.at, compared=found[0].before is not None),
)
def _tiles(view: View, answer: tuple[SalesTiles, Span]) -> None:
    found, span = answer
    sold, currency, buckets = found.sold, view.currency, closed_totals(view)
    versus = compared_with(span, found.before, is_loading=found.is_loading)
    verdicts = judge_sales(view, span, found.current)
    compares = " The change compares booked value, so that cancellations to come do not count against today."
    changed = formats.change(found.booked_change)
    for key, name, more in (("revenue", "revenue_cents", compares), ("booked", "booked_cents", "")):
        value, verdict = formats.money(getattr(sold, name), currency), verdicts[key]
        line = [getattr(bucket, name) / 100 for bucket in buckets]
        tile(key, value, changed, versus, line, side=verdict.side, more=more + verdict.help)
    for key, name, difference in (
        ("discount_rate", "discount_share", found.discount_difference),
        ("cancelled_rate", "cancelled_share", found.cancelled_difference),
    ):
        shares = [getattr(bucket, name) for bucket in buckets]
        tile(key, formats.share(getattr(sold, name)), formats.points(difference), versus, shares)
    words = ", ".join(view.choice.ignored(PROMISED)) or "of this range"
    tile("returned", formats.money(found.returned_cents, currency), "so far", words, moved=False)


@panel(
    "categories",
    "Sales by category",
    DEFINITIONS["category_sales"].help + CLICK_HELP,
    Question(
        "categories",
        lambda asked: sales_by_category(asked.db, asked.span.window, asked.span.grain, asked.filters),
        EVERY,
        WhileLoading.CUT,
    ),
    note=lambda view, found: f"net item sales, together {formats.money(_total(found), view.currency)}",
    empty=lambda found: None if found else EMPTY,
)
def _categories(view: View, found: list[Group]) -> None:
    _draw_groups(view, "categories", "Net sales by category", found, kind="category")


@panel(
    "locations",
    "Sales by location",
    DEFINITIONS["location_sales"].help,
    Question(
        "locations",
        lambda asked: sales_by_city(asked.db, asked.span.window, asked.span.grain, asked.filters),
        LOCATED,
        WhileLoading.CUT,
    ),
    note=lambda view, found: (
        f"{formats.counted(len(found), 'city', 'cities')}, together {formats.money(_total(found), view.currency)}"
    ),
    empty=lambda found: None if found else EMPTY,
    height=_BESIDE_CONTROLS,
)
def _locations(view: View, found: list[Group]) -> None:
    _draw_groups(view, "locations", "Revenue by city", with_others(found, _MOST_CITIES), height=_BESIDE_CONTROLS)


def _total(groups: list[Group]) -> int:
    return sum(group.revenue_cents for group in groups)


def _draw_groups(
    view: View, key: str, title: str, found: list[Group], *, height: int = BODY_HEIGHT, kind: Kind | None = None
) -> None:
    bars = []
    for group in found:
        revenue = formats.money(group.revenue_cents, view.currency)
        hover = f"{revenue}, {formats.counted(group.orders, 'order')}"
        chosen = bar_key(kind, group.name) if kind else ""
        bars.append(charts.Ranked(group.name, group.revenue_cents, revenue, hover, chosen))
    ranked_bars(view, key, title, bars, height, filters=kind)


@panel(
    "payments",
    "Payment over time",
    DEFINITIONS["payment_mix"].help,
    SOLD,
    note=lambda *_: "valid orders by payment type, UTC",
    empty=lambda found: None if any(bucket.total.orders for bucket in found[0].buckets) else EMPTY,
    height=_BESIDE_CONTROLS,
)
def _payments(view: View, found: tuple[RevenueLine, Span]) -> None:
    buckets = found[0].buckets
    shown = [payment for payment in PaymentType if payment in buckets[0].by_payment]
    series = {payment.value: [bucket.by_payment[payment].valid_orders for bucket in buckets] for payment in shown}
    shades = {payment.value: view.colours.payment[payment] for payment in shown}
    figure = charts.counts([bucket.at for bucket in buckets], series, shades, view.colours, _BESIDE_CONTROLS)
    chart(figure, "payments", f"Valid orders over time by payment type: {formats.sums(series)}")


def _products(measure: Measure) -> Question[Ranking]:
    """All products sold in the range, best first."""

    def ask(asked: Asked) -> Ranking:
        complete = asked.history_complete
        return ranked_products(asked.db, asked.span, asked.filters, measure, history_complete=complete), asked.span

    return Question(("products", measure), ask, STOCKED, WhileLoading.CUT)


def _best(view: View) -> None:
    measure = _MEASURES[st.session_state.get("best") or "Revenue"]

    @panel(
        "best",
        "Top 10",
        DEFINITIONS["top_products"].help + " ▲ and ▼: places won or lost against the baseline.",
        _products(measure),
        note=_products_note,
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
    )
    def draw_best(view: View, found: Ranking) -> None:
        bars = []
        for product in found[0].products[:10]:
            net, sold = formats.money(product.net_cents, view.currency), formats.counted(product.units, "unit")
            text = f"{net if measure == 'net_cents' else sold} {_rise(found[0], product)}".rstrip()
            key = names().product(product.product_id)
            bars.append(charts.Ranked(product.name, getattr(product, measure), text, f"{net}, {sold}", key))
        ranked_bars(view, "best", "Best-selling products", bars, _TALL, on_click=_choose_product)

    draw_best(view)


def _products_note(_: View, answer: Ranking) -> str:
    found, span = answer
    since = f" since {span.products.start:%H:%M}" if span.preset is Preset.HOUR or span.is_cut else ""
    return f"net item sales{since} · ranks {span.comparison.short}" if found.compared else f"net item sales{since}"


def _rise(found: RankedProducts, product: ProductSales) -> str:
    return formats.rise(found.rises[product.product_id]) if found.compared else ""


def _choose_product(label: str) -> None:
    st.session_state[_WANTED] = label


def _take_up_product() -> None:
    """Set what a click chose before the list is drawn: in the callback, a refresh on its way would undo the click."""
    if label := st.session_state.pop(_WANTED, None):
        st.session_state["product"] = label


def _product(view: View) -> None:
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
    product_id = labels[chosen]

    @panel(
        "product",
        chosen.replace("[", "(").replace("]", ")"),
        DEFINITIONS["top_products"].help,
        Question(("product", product_id), partial(_ask_product, product_id), STOCKED, WhileLoading.CUT),
        note=_product_note,
    )
    def draw_product(view: View, found: list[ProductBucket]) -> None:
        at, series = [bucket.at for bucket in found], {"units": [bucket.units for bucket in found]}
        figure = charts.counts(at, series, {"units": view.colours.period}, view.colours, BODY_HEIGHT)
        chart(figure, "product", f"Units sold over time, {_product_note(view, found)}")

    draw_product(view)


def _ask_product(product_id: int, asked: Asked) -> list[ProductBucket]:
    grain = Grain.DAY if asked.span.grain is Grain.DAY else Grain.HOUR
    return product_by_bucket(asked.db, asked.span.products, grain, asked.filters, product_id)


def _product_note(view: View, found: list[ProductBucket]) -> str:
    net = formats.money(sum(bucket.net_cents for bucket in found), view.currency)
    return f"net sales {net} · {formats.counted(sum(bucket.units for bucket in found), 'unit')}, UTC"


@panel(
    "product-table",
    "All products",
    DEFINITIONS["top_products"].help,
    _products("net_cents"),
    note=lambda view, found: (
        f"{formats.counted(len(found[0].products), 'product')} sold, {_products_note(view, found)}"
    ),
    empty=lambda found: None if found[0].products else EMPTY,
    height=_TABLE_HEIGHT,
    grows=True,
)
def _all_products(view: View, answer: Ranking) -> None:
    found, span = answer
    amount = f"Net sales ({view.currency})"
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
        csv_button(
            view,
            "products",
            ["Rank", "Product number", "Product", "Category", amount, f"Gross sales ({view.currency})", "Units"],
            [_csv_row(place, product) for place, product in shown],
            span=span,
        )
    grid(
        "product-rows",
        "All products sold in this range, best first",
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
        _PRODUCT_ROWS,
        {amount: st.column_config.NumberColumn(format="%,.2f"), "Units": COUNTS},
    )


def _matches(product: ProductSales, wanted: str) -> bool:
    return wanted.strip().lower() in f"{product.product_id} {product.name} {product.category}".lower()


def _csv_row(place: int, product: ProductSales) -> list[Cell]:
    money = units(product.net_cents), units(product.gross_cents)
    return [place, product.product_id, product.name, product.category, *money, product.units]
