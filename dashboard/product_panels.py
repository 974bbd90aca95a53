"""The panels of the page Sales that are about products: the best, one over time, all of them."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell, units
from dashboard.panels import BODY_HEIGHT, COUNTS, EMPTY, chart, csv_button, grid, panel
from dashboard.queries.products import Measure, ProductBucket, ProductSales, product_by_bucket
from dashboard.queries.selling import RankedProducts, ranked_products
from dashboard.ranges import Preset, Span
from dashboard.ranked_bars import ranked_bars
from dashboard.selection import STOCKED
from dashboard.view import Asked, Question, View, WhileLoading, names
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS

RANKS_HEIGHT = 340
_TABLE_HEIGHT = 400
_PRODUCT_ROWS = 12
_WANTED = "wanted-product"
_MEASURES: dict[str, Measure] = {"Revenue": "net_cents", "Units": "units"}
Ranking = tuple[RankedProducts, Span]


def _products(measure: Measure) -> Question[Ranking]:
    """All products sold in the range, best first."""

    def ask(asked: Asked) -> Ranking:
        complete = asked.history_complete
        return ranked_products(asked.db, asked.span, asked.filters, measure, history_complete=complete), asked.span

    return Question(("products", measure), ask, STOCKED, WhileLoading.CUT)


def best_products(view: View) -> None:
    """Draw the ten best, ranked by what is chosen above them."""
    measure = _MEASURES[st.session_state.get("best") or "Revenue"]

    @panel(
        "best",
        "Top 10",
        DEFINITIONS["top_products"].help + " ▲ and ▼: places won or lost against the baseline.",
        _products(measure),
        note=_products_note,
        empty=lambda found: None if found[0].products else EMPTY,
        height=RANKS_HEIGHT,
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
        ranked_bars(view, "best", "Best-selling products", bars, RANKS_HEIGHT, on_click=_choose_product)

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


def one_product(view: View) -> None:
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
def all_products(view: View, answer: Ranking) -> None:
    """Draw the table of everything sold, to be searched."""
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
