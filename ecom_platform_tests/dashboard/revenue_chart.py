"""The revenue chart as a reader uses it: a part of its range with a drag, the whole of it with a double click."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import FloatRect, Page

CHART = ".st-key-card-revenue .js-plotly-plot"
# Null while the chart is drawn again.
_AXES = f"""() => {{
  const layout = document.querySelector('{CHART}')?.layout;
  return layout ? [layout.xaxis.range, layout.xaxis.autorange, layout.yaxis.autorange] : null;
}}"""
_TRIES, _TRY_MS = 20, 3_000


def axes(page: Page) -> list[Any]:
    """The range of time on screen, and whether that and the amounts are the whole of it."""
    found: list[Any] = page.wait_for_function(_AXES).json_value()
    return found


def zoom(page: Page) -> list[Any]:
    """Drag over a part of the chart; its axes then."""

    def drag(box: FloatRect) -> None:
        page.mouse.move(box["x"] + 100, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 42, steps=5)
        page.mouse.up()

    _until_whole_is(page, False, drag)
    return axes(page)


def show_whole(page: Page) -> None:
    """Double click: Plotly's own way back."""
    _until_whole_is(page, True, lambda box: page.mouse.dblclick(box["x"] + 200, box["y"] + 60))


def becomes_whole(page: Page) -> None:
    """The whole range comes on screen by itself."""
    page.wait_for_function(f"({_AXES})()?.[1] === true")


def _until_whole_is(page: Page, whole: bool, do: Callable[[FloatRect], None]) -> None:
    # Once more when the chart was drawn anew meanwhile, as a reader does.
    pane = page.locator(f"{CHART} .nsewdrag")
    for _ in range(_TRIES):
        with suppress(PlaywrightError):  # it is no longer there, or does not come to show it
            pane.scroll_into_view_if_needed(timeout=_TRY_MS)
            if box := pane.bounding_box():
                do(box)
            page.wait_for_function(f"({_AXES})()?.[1] === {str(whole).lower()}", timeout=_TRY_MS)
            return
    pytest.fail(f"the chart never shows the {'whole' if whole else 'part'} that was asked for")
