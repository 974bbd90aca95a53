"""The frame of one panel: a title, a line that says what is shown and how old it is, and a body of fixed height.

Four states, the same everywhere: loading (a skeleton of the final height), figures, empty (says so, and what to do),
and failed (one sentence; the last figures stay). The line under the title is always there, so that nothing moves when
a sentence appears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil
from typing import Any, Literal, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import zoom
from dashboard.csv_file import Cell, csv_text
from dashboard.formats import UNKNOWN, clock
from dashboard.query_cache import Answer
from dashboard.ranges import Span
from dashboard.view import NotYet, Question, View
from ecom_platform.kpi.definitions import DEFINITIONS

T = TypeVar("T")
CardHeight = int | Literal["content", "stretch"]
Panel = Callable[[View], None]
"""Draws a part of a page at one instant."""
Note = Callable[[View, T], str]
"""The line under a title while all is well."""
Empty = Callable[[T], str | None]
"""A sentence when an answer holds nothing to draw, else None."""
Draw = Callable[[View, T], None]
BODY_HEIGHT = 220
TILE_HEIGHT = 150
EMPTY = "No orders in this range"
AFTER_LOADING = "after loading"
_AROUND_BODY = 90
CONTROLS_HEIGHT = 44
"""Kept free in a card with controls: on a narrow one they stand below the title."""
COUNTS = st.column_config.NumberColumn(format="%,d")
"""A column of whole numbers in such a list."""
_GRID_ROW_HEIGHT = 32  # its head included
_TABLE_ROW_HEIGHT = 26.375
_FEWEST_POINTS = 3
_COLOUR_OF_SIDE: dict[int, Literal["off", "green", "red"]] = {-1: "red", 0: "off", 1: "green"}
# In the place of the baseline, which stands above the tiles too: a tile has no room for both.
_WORDS_OF_SIDE = {-1: "unusually low", 1: "unusually high"}


def panel(
    key: str,
    title: str | Callable[[View], str],
    help_text: str,
    question: Question[T],
    *,
    note: Note[T],
    empty: Empty[T] = lambda _: None,
    height: int = BODY_HEIGHT,
    grows: bool = False,
    in_row: bool = False,
    controls: Callable[[], object] | None = None,
) -> Callable[[Draw[T]], Panel]:
    """Make one card of a function that draws the answer to a question.

    Args:
        key: of the card.
        title: what of the filters the question is without stands beside it.
        note: the line under the title while all is well.
        empty: a sentence when there is nothing to draw, else None.
        height: of the body in pixels.
        grows: the card is as high as what is drawn (a table), and `height` only where nothing is.
        in_row: the card ends where the highest one of its row does.
        controls: draws what changes the card, beside its title.
    """
    card_height: CardHeight = "content" if grows else height + _AROUND_BODY + (CONTROLS_HEIGHT if controls else 0)

    def panel_of(draw: Draw[T]) -> Panel:
        def draw_card(view: View) -> None:
            ignored = "".join(f" :gray-badge[{words}]" for words in view.choice.ignored(question.honours))
            words = f"**{title if isinstance(title, str) else title(view)}**{ignored}"
            with card(words, help_text, f"card-{key}", "stretch" if in_row else card_height, controls):
                body(view, question, draw, height, note=note, empty=empty)

        return draw_card

    return panel_of


def tile_row(
    keys: Sequence[str], question: Question[T], *, note: Note[T], height: int = TILE_HEIGHT
) -> Callable[[Draw[T]], Panel]:
    """Make the row of tiles above the cards of a function that draws them; `keys` are of their definitions."""

    def row_of(draw: Draw[T]) -> Panel:
        def draw_tiles(view: View, found: T) -> None:
            with tile_grid(len(keys)):
                draw(view, found)

        unknown = partial(_unknown_tiles, keys, height)
        return lambda view: body(view, question, draw_tiles, height, note=note, draw_unknown=unknown)

    return row_of


def row(view: View, *panels: Panel, widths: Sequence[int] = ()) -> None:
    """Draw panels side by side; their widths are in proportion to `widths`, else equal."""
    for column, draw in zip(st.columns(widths or len(panels), gap="small"), panels, strict=True):
        with column:
            draw(view)


@contextmanager
def card(
    title: str,
    help_text: str,
    key: str,
    height: CardHeight,
    controls: Callable[[], object] | None = None,
) -> Iterator[None]:
    """A bordered card with its title."""
    with st.container(border=True, height=height, key=key, gap="xxsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(title, help=help_text, width="content")
            if controls:
                controls()
        yield


def tile(
    key: str,
    value: str,
    delta: str | None,
    versus: str,
    line: Sequence[float | None] = (),
    *,
    moved: bool | None = None,
    side: int = 0,
    more: str = "",
    height: int = TILE_HEIGHT,
) -> None:
    """One figure with its definition, a change or another number to hold it against, and its course.

    Args:
        key: of the definition.
        delta: a signed change, or a number that `versus` explains; None: unknown.
        moved: whether the delta has a direction; None: it is a change, and has one unless it is 0.
        side: 1 where the figure lies above its usual range, -1 below; 0: in it, or no range is known.
    """
    definition = DEFINITIONS[key]
    known = [point for point in line if point is not None]
    if moved is None:
        moved = delta is not None and not delta.startswith("0.0 ")
    st.metric(
        definition.label,
        value,
        delta or UNKNOWN,
        # Colour calls a change good or bad; inside the usual range, or where none is known, grey is the honest one.
        delta_color=_COLOUR_OF_SIDE[side],
        delta_arrow="auto" if moved else "off",
        delta_description=_WORDS_OF_SIDE.get(side, versus),
        help=definition.help + more,
        border=True,
        height=height,
        chart_data=known if len(known) >= _FEWEST_POINTS else None,
    )


def unknown_tile(key: str, height: int = TILE_HEIGHT) -> None:
    """A figure that cannot be known before the history is loaded."""
    tile(key, UNKNOWN, None, AFTER_LOADING, height=height)


def _unknown_tiles(keys: Sequence[str], height: int) -> None:
    """A row of them, in the places that they will have."""
    with tile_grid(len(keys)):
        for key in keys:
            unknown_tile(key, height)


def tile_grid(tiles: int) -> DeltaGenerator:
    """Where a row of tiles is drawn in; a narrow page breaks it."""
    return st.grid(tiles, min_column_width=165, gap="small", key="tiles-grid")


def table_height(rows: int) -> int:
    """Of a container in which a table ends at a whole row; its rows have one line."""
    return ceil((rows + 1) * _TABLE_ROW_HEIGHT)


def table(
    alt: str,
    rows: Mapping[str, Sequence[object]] | Sequence[Mapping[str, object]] | pd.DataFrame,
    words: dict[Any, str | Callable[[Any], str] | None] | None = None,
) -> None:
    """A table as high as its rows; `alt` says what it is.

    Args:
        words: how the numbers of a column are written; it stays one of numbers, and is aligned as such.
    """
    frame = pd.DataFrame(rows)
    shown = frame.style.format(words) if words else frame
    st.table(shown, border="horizontal", hide_index=True, alt=alt)


def grid(
    key: str,
    alt: str,
    rows: pd.DataFrame,
    most_rows: int,
    columns: Mapping[str, Any],
    on_select: Callable[[], None] | None = None,
) -> None:
    """A list that scrolls in itself and ends at a whole row; it can be sorted.

    Args:
        columns: how some of them are written and aligned.
        on_select: called when a row was chosen.
    """
    st.dataframe(
        rows,
        height=(most_rows + 1) * _GRID_ROW_HEIGHT + 2,
        row_height=_GRID_ROW_HEIGHT,
        hide_index=True,
        key=key,
        column_config=dict(columns),
        on_select=on_select or "ignore",
        selection_mode="single-row",
        alt=alt,
    )


def chart(figure: go.Figure, key: str, alt: str, on_click: Callable[[Any], None] | None = None) -> None:
    """A chart; `alt` says the same in words.

    Args:
        on_click: gets the key of the bar that was clicked, if it has one. There must be another way for the keyboard.
    """
    name = f"chart-{key}"

    def clicked() -> None:
        points = st.session_state[name].selection.points
        if on_click and points and points[0]["customdata"]:
            on_click(points[0]["customdata"])

    zoom.restore(figure, name)
    st.plotly_chart(
        figure,
        key=name,
        theme=None,
        alt=alt,
        config={"displayModeBar": False},
        height=figure.layout.height,
        on_select=clicked if on_click else "ignore",
        selection_mode="points",
    )


def csv_button(
    view: View,
    name: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    of_now: bool = False,
    span: Span | None = None,
) -> None:
    """A download of what is shown; the file says its range, filters and instant.

    Args:
        of_now: it has but an instant.
        span: the range that was asked for, where it may be cut to what is known.
    """
    about = [("as of", view.tick.at)] if of_now else _about(view, span or view.choice.span(view.tick.at))
    st.download_button(
        "CSV",
        lambda: csv_text(about, columns, rows),
        file_name=f"{name}_{view.tick.at:%Y-%m-%dT%H%M%SZ}.csv",
        mime="text/csv",
        key=f"csv-{name}",
        on_click="ignore",
        icon=":material/download:",
        help=f"What is shown, with its {'time' if of_now else 'range, filters and time'} in the file",
    )


def order_link(order_id: int) -> str:
    """The number of an order as Markdown, leading to its page."""
    return f"[{order_id}](/order?order_id={order_id})"


def _about(view: View, span: Span) -> list[tuple[str, Cell]]:
    window = span.window
    chosen = "; ".join(f"{kind} {value}" for kind, value in view.choice.words())
    return [
        ("from", window.start),
        ("to (not included)", window.end),
        ("filters", chosen or "none"),
        ("as of", view.tick.at),
    ]


def every(seconds: float | None, key: str, draw: Callable[[], None]) -> None:
    """Draw now and again every `seconds` (None: only when the page runs), without running the rest of the page."""
    st.fragment(draw, run_every=seconds, key=key)()


def body(
    view: View,
    question: Question[T],
    draw: Draw[T],
    height: int,
    *,
    note: Note[T],
    empty: Empty[T] = lambda _: None,
    draw_unknown: Callable[[], None] | None = None,
) -> None:
    """Ask, then draw whichever state the answer is in.

    Args:
        question: a skeleton shows while it takes long.
        draw: draws the figures.
        height: of the body in pixels, the same in every state.
        note: the line under the title while all is well.
        empty: a sentence when the answer holds nothing to draw, else None.
        draw_unknown: draws what stands there while the figures cannot be known yet; else a sentence does.
    """
    figures = st.container(gap="xsmall")
    # Below the figures: what is left of a skeleton takes a line's height, and above them it would push them down.
    with st.skeleton(height=height):
        answer = view.ask(question)
    with figures:
        found = answer.value
        if answer.failure or found is None:
            st.caption(f":red[:material/cloud_off: {failure_text(answer)}]")
        else:
            st.caption(_not_yet(found) if isinstance(found, NotYet) else note(view, found))
        if isinstance(found, NotYet):
            if draw_unknown:
                draw_unknown()
            else:
                _draw_sentence(":material/hourglass_top: After loading", height)
        elif found is None:
            _draw_sentence("", height)
        elif (sentence := empty(found)) is not None:
            _draw_sentence(sentence, height)
        else:
            draw(view, found)


def _draw_sentence(sentence: str, height: int) -> None:
    with st.container(height=height, border=False, horizontal_alignment="center", vertical_alignment="center"):
        st.markdown(f":gray[{sentence}]", text_alignment="center")


def _not_yet(found: NotYet) -> str:
    return f"{100 * found.share:.0f} % of the history is loaded"


def failure_text(answer: Answer[T]) -> str:
    """What is wrong, which figures are still on screen, and that the page goes on trying."""
    last = f"last figures {clock(answer.at)} UTC" if answer.at else "no figures yet"
    return f"{answer.failure} · {last} · retrying"
