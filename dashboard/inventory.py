"""Inventory: what runs out?"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell
from dashboard.filter_controls import CLICK_HELP
from dashboard.panels import COUNTS, EMPTY, chart, csv_button, grid, panel, row, tile, tile_row
from dashboard.queries.names import Names
from dashboard.queries.sales import Amounts, sales_by_warehouse
from dashboard.queries.stock import Shelf, Stock, cover_by_category, read_stock
from dashboard.ranked_bars import orders_by
from dashboard.selection import EVERY, STOCKED
from dashboard.view import Question, View, WhileLoading, names
from ecom_platform.kpi.definitions import DEFINITIONS

_TALL = 340
_SHELF_ROWS = 10
_TILE_HEIGHT = 110
_MOST_ROWS = 100
_NO_STOCK = "No stock is known"
_NO_RATE = "days of cover need 24 hours of sales"
_COLUMNS = ("State", "Warehouse", "Product", "Category", "Available", "Reserved", "On hand", "Reorder at", "Cover")
STOCK = Question("stock", lambda asked: read_stock(asked.db, asked.filters, asked.now), STOCKED)
"""The shelves, of which every card but one tells something."""


def draw(view: View) -> None:
    """Draw the page at one instant."""
    _tiles(view)
    _shelves(view)
    row(view, _cover, _per_warehouse, widths=(2, 1))
    _movements(view)


def _tiles_note(_: View, found: Stock) -> str:
    days = found.rate_days
    basis = _NO_RATE if days is None else f"days of cover from the sales of {days:.1f} days"
    return f"Right now · {formats.counted(len(found.shelves), 'shelf', 'shelves')} · {basis}"


@tile_row(("oversold", "out_of_stock", "below_reorder", "available"), STOCK, note=_tiles_note, height=_TILE_HEIGHT)
def _tiles(view: View, found: Stock) -> None:
    shelves = found.shelves
    ignored = ", ".join(view.choice.ignored(STOCKED))
    of_all = f"of {formats.count(len(shelves))}"
    on_hand = f"of {formats.count(sum(shelf.on_hand for shelf in shelves))}"
    for key, number, beside, words in (
        ("oversold", sum(shelf.is_oversold for shelf in shelves), formats.count(found.oversold_units), "units short"),
        ("out_of_stock", sum(shelf.is_out for shelf in shelves), of_all, "shelves"),
        ("below_reorder", sum(shelf.is_below_reorder for shelf in shelves), of_all, "shelves"),
        ("available", sum(shelf.available for shelf in shelves), on_hand, "on hand"),
    ):
        tile(key, formats.count(number), beside, ignored or words, moved=False, height=_TILE_HEIGHT)


def _shelves_note(_: View, found: Stock) -> str:
    number = len(found.shelves)
    first = f"the first {_MOST_ROWS} of " if number > _MOST_ROWS else ""
    order = "shortest cover first" if found.rate_days else "fewest units first"
    shown = f"{first}{formats.counted(number, 'shelf', 'shelves')}, {order}"
    return f"{shown} · choose a row to see its movements below"


@panel(
    "shelves",
    "What runs out next",
    DEFINITIONS["days_of_cover"].help,
    STOCK,
    note=_shelves_note,
    empty=lambda found: None if found.shelves else _NO_STOCK,
    grows=True,
)
def _shelves(view: View, found: Stock) -> None:
    csv_button(view, "stock", [*_COLUMNS, "Sold per day"], [_csv_row(shelf) for shelf in found.shelves])
    shown = _in_the_order_chosen_from(found.shelves)
    st.session_state["shelves-shown"] = [shelf.id for shelf in shown]
    warehouse = names().warehouse
    rows = [
        [
            _state(shelf),
            warehouse(shelf.warehouse_id),
            f"{shelf.product_id} {shelf.name}",
            shelf.category,
            shelf.available,
            shelf.moves.reserved,
            shelf.on_hand,
            formats.count(shelf.reorder_point),
            formats.days(shelf.days_of_cover),
        ]
        for shelf in shown
    ]
    right = st.column_config.Column(alignment="right")
    grid(
        "shelf-rows",
        "Shelves with the shortest days of cover first",
        pd.DataFrame(rows, columns=list(_COLUMNS)),
        _SHELF_ROWS,
        {"Available": COUNTS, "Reserved": COUNTS, "On hand": COUNTS, "Reorder at": right, "Cover": right},
        on_select=_choose_row,
    )


def _in_the_order_chosen_from(shelves: Sequence[Shelf]) -> Sequence[Shelf]:
    """The first shelves; while a row is selected, those on screen in their order, for a selection is of a position."""
    rows = st.session_state.get("shelf-rows")
    if rows and rows.selection.rows:
        by_id = {shelf.id: shelf for shelf in shelves}
        kept = [by_id[name] for name in st.session_state.get("shelves-shown", ()) if name in by_id]
        if len(kept) == len(st.session_state.get("shelves-shown", ())):
            return kept
    return shelves[:_MOST_ROWS]


def _choose_row() -> None:
    rows = st.session_state["shelf-rows"].selection.rows
    shown = st.session_state.get("shelves-shown", ())
    if rows and rows[0] < len(shown):
        st.session_state["shelf"] = shown[rows[0]]


def _state(shelf: Shelf) -> str:
    if shelf.is_oversold:
        return "Oversold"
    if shelf.is_out:
        return "Out of stock"
    return "Below reorder" if shelf.is_below_reorder else "Enough"


def _csv_row(shelf: Shelf) -> list[Cell]:
    place: list[Cell] = [_state(shelf), shelf.warehouse_id, f"{shelf.product_id} {shelf.name}", shelf.category]
    units: list[Cell] = [shelf.available, shelf.moves.reserved, shelf.on_hand, shelf.reorder_point]
    return [*place, *units, shelf.days_of_cover, shelf.units_per_day]


@panel(
    "cover",
    "Days of cover",
    DEFINITIONS["days_of_cover"].help,
    STOCK,
    note=lambda *_: "Stronger colour: runs out sooner",
    empty=lambda found: None if found.rate_days else _NO_RATE.capitalize(),
    height=_TALL,
)
def _cover(view: View, found: Stock) -> None:
    cover = cover_by_category(found.shelves)
    warehouses = {
        number: names().warehouse(number) for number in sorted({shelf.warehouse_id for shelf in found.shelves})
    }
    lowest = min((value for value in cover.values() if value is not None), default=None)
    figure = charts.cover_map(cover, warehouses, view.colours, _TALL)
    chart(figure, "cover", f"Days of cover by warehouse and category, the lowest {formats.days(lowest)}")


@panel(
    "per-warehouse",
    "Orders per warehouse",
    DEFINITIONS["orders"].help + CLICK_HELP,
    Question(
        "stock-warehouses",
        lambda asked: sales_by_warehouse(asked.db, asked.span.window, asked.span.grain, asked.filters),
        EVERY,
        WhileLoading.CUT,
    ),
    note=lambda _, found: (
        f"{formats.counted(sum(sold.orders for sold in found.values()), 'order')} placed in this range"
    ),
    empty=lambda found: None if found else EMPTY,
    height=_TALL,
)
def _per_warehouse(view: View, found: dict[int, Amounts]) -> None:
    orders_by(view, "per-warehouse", "warehouse", found, _TALL)


@panel(
    "movements",
    "Movements",
    DEFINITIONS["available"].help,
    STOCK,
    note=lambda *_: "units of one shelf since it was opened",
    empty=lambda found: None if found.shelves else _NO_STOCK,
    grows=True,
)
def _movements(view: View, found: Stock) -> None:
    by_id = {shelf.id: shelf for shelf in found.shelves}
    known, first = names(), _asked_for(found.shelves)
    chosen = st.selectbox(
        "Shelf",
        sorted(by_id, key=lambda name: [int(part) for part in name.split("-")]),
        index=None,
        format_func=lambda name: _label(known, by_id[name]),
        key="shelf",
        placeholder="Choose a shelf, or a row of the table above",
        label_visibility="collapsed",
    )
    shelf = by_id.get(chosen or "", first)
    described = ", ".join(
        f"{name} {formats.count(units)}"
        for name, units in (
            ("on hand", shelf.on_hand),
            ("reserved", shelf.moves.reserved),
            ("available", shelf.available),
        )
    )
    title = _label(known, shelf)
    st.caption(f"**{title}**: {described} · {_state(shelf)} · cover {formats.days(shelf.days_of_cover)}")
    chart(charts.movements(shelf, view.colours, 240), "movements", f"Units of {title}: {described}")


def _asked_for(shelves: Sequence[Shelf]) -> Shelf:
    """The first shelf of the product in the address (a link from an alert), else the one that runs out next."""
    number = st.query_params.get("product", "").partition(" ")[0]
    return next((shelf for shelf in shelves if str(shelf.product_id) == number), shelves[0])


def _label(known: Names, shelf: Shelf) -> str:
    return f"{known.warehouse(shelf.warehouse_id)} · {known.product(shelf.product_id)}"
