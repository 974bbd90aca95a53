"""Inventory: what runs out?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.csv_file import Cell
from dashboard.filter_controls import CLICK_HELP
from dashboard.panels import EMPTY, GRID_ROW_HEIGHT, body, chart, csv_button, grid_height, panel, tile, unknown_tiles
from dashboard.queries.names import Names
from dashboard.queries.sales import sales_by_warehouse
from dashboard.queries.stock import Shelf, Stock, cover_by_category, read_stock
from dashboard.ranked_bars import orders_by
from dashboard.selection import EVERY, STOCKED
from dashboard.view import Asked, View, WhileLoading, names
from ecom_platform.kpi.definitions import DEFINITIONS

_TILES = ("oversold", "out_of_stock", "below_reorder", "available")
_TALL = 340
_SHELF_ROWS = 10
_TILE_HEIGHT = 110
_MOST_ROWS = 100
_NO_STOCK = "No stock is known"
_COLUMNS = ("State", "Warehouse", "Product", "Category", "Available", "Reserved", "On hand", "Reorder at", "Cover")


def draw(view: View) -> None:
    """Draw the page at one instant."""
    body(
        lambda: view.ask("stock", _ask, STOCKED),
        _TILE_HEIGHT,
        partial(_draw_tiles, view),
        note=lambda found: f"Right now · {formats.counted(len(found.shelves), 'shelf', 'shelves')} · {_basis(found)}",
        draw_unknown=partial(unknown_tiles, _TILES, _TILE_HEIGHT),
    )
    _table_panel(view)
    left, right = st.columns([2, 1], gap="small")
    with left:
        _cover_panel(view)
    with right:
        _warehouse_panel(view)
    _movement_panel(view)


def _ask(asked: Asked) -> Stock:
    return read_stock(asked.db, asked.filters, asked.now)


def _basis(found: Stock) -> str:
    if found.rate_days is None:
        return "days of cover need 24 hours of sales"
    return f"days of cover from the sales of {found.rate_days:.1f} days"


def _draw_tiles(view: View, found: Stock) -> None:
    shelves = found.shelves
    ignored = ", ".join(view.choice.ignored(STOCKED))
    of_all = f"of {formats.count(len(shelves))}"
    oversold = sum(shelf.is_oversold for shelf in shelves)
    out = sum(shelf.is_out for shelf in shelves)
    below = sum(shelf.is_below_reorder for shelf in shelves)
    with st.grid(len(_TILES), min_column_width=165, gap="small", key="tiles-grid"):
        for key, number, beside, words in (
            ("oversold", oversold, formats.count(found.oversold_units), "units short"),
            ("out_of_stock", out, of_all, "shelves"),
            ("below_reorder", below, of_all, "shelves"),
            ("available", sum(shelf.available for shelf in shelves), _on_hand(shelves), "on hand"),
        ):
            tile(key, formats.count(number), beside, ignored or words, moved=False, height=_TILE_HEIGHT)


def _on_hand(shelves: Sequence[Shelf]) -> str:
    return f"of {formats.count(sum(shelf.on_hand for shelf in shelves))}"


def _table_panel(view: View) -> None:
    panel(
        view,
        "shelves",
        "What runs out next",
        DEFINITIONS["days_of_cover"].help,
        _ask,
        partial(_draw_table, view),
        question="stock",
        honours=STOCKED,
        note=lambda found: f"{_shown(found)} · choose a row to see its movements below",
        empty=lambda found: None if found.shelves else _NO_STOCK,
        grows=True,
    )


def _shown(found: Stock) -> str:
    number = len(found.shelves)
    first = f"the first {_MOST_ROWS} of " if number > _MOST_ROWS else ""
    order = "shortest cover first" if found.rate_days else "fewest units first"
    return f"{first}{formats.counted(number, 'shelf', 'shelves')}, {order}"


def _draw_table(view: View, found: Stock) -> None:
    csv_button(view, "stock", [*_COLUMNS, "Sold per day"], [_row(shelf) for shelf in found.shelves])
    shown = _in_the_order_chosen_from(found.shelves)
    st.session_state["shelves-shown"] = [shelf.id for shelf in shown]
    warehouse = names().warehouse
    rows = pd.DataFrame(
        [
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
        ],
        columns=list(_COLUMNS),
    )
    st.dataframe(
        rows,
        height=grid_height(_SHELF_ROWS),
        row_height=GRID_ROW_HEIGHT,
        hide_index=True,
        key="shelf-rows",
        column_config={name: st.column_config.Column(alignment="right") for name in ("Reorder at", "Cover")},
        on_select=_choose_row,
        selection_mode="single-row",
        alt="Shelves with the shortest days of cover first",
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


def _row(shelf: Shelf) -> list[Cell]:
    place: list[Cell] = [_state(shelf), shelf.warehouse_id, f"{shelf.product_id} {shelf.name}", shelf.category]
    units: list[Cell] = [shelf.available, shelf.moves.reserved, shelf.on_hand, shelf.reorder_point]
    return [*place, *units, shelf.days_of_cover, shelf.units_per_day]


def _cover_panel(view: View) -> None:
    panel(
        view,
        "cover",
        "Days of cover",
        DEFINITIONS["days_of_cover"].help,
        _ask,
        partial(_draw_cover, view),
        question="stock",
        honours=STOCKED,
        note=lambda _: "Stronger colour: runs out sooner",
        empty=lambda found: None if found.rate_days else "Days of cover need 24 hours of sales",
        height=_TALL,
    )


def _draw_cover(view: View, found: Stock) -> None:
    cover = cover_by_category(found.shelves)
    warehouses = {
        number: names().warehouse(number) for number in sorted({shelf.warehouse_id for shelf in found.shelves})
    }
    lowest = min((value for value in cover.values() if value is not None), default=None)
    figure = charts.cover_map(cover, warehouses, view.colours, _TALL)
    chart(figure, "cover", f"Days of cover by warehouse and category, the lowest {formats.days(lowest)}")


def _warehouse_panel(view: View) -> None:
    panel(
        view,
        "per-warehouse",
        "Orders per warehouse",
        DEFINITIONS["orders"].help + CLICK_HELP,
        lambda asked: sales_by_warehouse(asked.db, asked.span.window, asked.span.grain, asked.filters),
        lambda found: orders_by(view, "per-warehouse", "warehouse", found, _TALL),
        question="stock-warehouses",
        honours=EVERY,
        note=lambda found: (
            f"{formats.counted(sum(sold.orders for sold in found.values()), 'order')} placed in this range"
        ),
        empty=lambda found: None if found else EMPTY,
        height=_TALL,
        while_loading=WhileLoading.CUT,
    )


def _movement_panel(view: View) -> None:
    panel(
        view,
        "movements",
        "Movements",
        DEFINITIONS["available"].help,
        _ask,
        partial(_draw_movements, view),
        question="stock",
        honours=STOCKED,
        note=lambda _: "units of one shelf since it was opened",
        empty=lambda found: None if found.shelves else _NO_STOCK,
        grows=True,
    )


def _draw_movements(view: View, found: Stock) -> None:
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
