"""What a reader zoomed into, kept while the figures go on.

Streamlit 1.67 rebuilds a chart for new figures, and a new chart shows its whole range. So the page is told which
part of which chart is on screen, and draws that part again until the reader lets go of it (a double click) or chooses
another range or filter.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard.selection import Choice

_AXES = ("xaxis", "yaxis")
_WATCHER = "zoom-watcher"
_ZOOMED = "zoomed"
_ZOOMED_OF = "zoomed-of"
# Plotly tells its own element only, and that is a new one after each drawing: so we listen to it when it is pressed.
_REPORT = """
const zoomOf = (axis) => axis && axis.autorange === false && !axis.fixedrange ? axis.range : null;
const zoomsOnScreen = () => {
  const zooms = {};
  for (const card of document.querySelectorAll('[class*="st-key-chart-"]')) {
    const layout = card.querySelector('.js-plotly-plot')?.layout;
    const name = card.className.match(/st-key-(chart-\\S+)/)[1];
    if (layout) zooms[name] = { xaxis: zoomOf(layout.xaxis), yaxis: zoomOf(layout.yaxis) };
  }
  return zooms;
};
export default function ({ setStateValue }) {
  const report = (change) => {
    if (Object.keys(change).some((name) => /range/.test(name))) setStateValue('zooms', zoomsOnScreen());
  };
  const listen = ({ target }) => {
    const chart = target.closest?.('.js-plotly-plot');
    chart?.removeListener('plotly_relayout', report);
    chart?.on('plotly_relayout', report);
  };
  document.addEventListener('pointerdown', listen, true);
  return () => document.removeEventListener('pointerdown', listen, true);
}
"""


def begin(choice: Choice) -> None:
    """Forget what was zoomed when something else is on screen."""
    if st.session_state.get(_ZOOMED_OF) != choice:
        st.session_state[_ZOOMED_OF] = choice
        st.session_state[_ZOOMED] = {}


def restore(figure: go.Figure, name: str) -> None:
    """Show the part of the chart called `name` that the reader zoomed into; the whole of it when none."""
    zoom = st.session_state.get(_ZOOMED, {}).get(name) or {}
    kept = {axis: zoom[axis] for axis in _AXES if _is_range(zoom.get(axis))}
    figure.update_layout({axis: {"range": ends, "autorange": False} for axis, ends in kept.items()})


def watch() -> None:
    """Be told of every zoom on this page; nothing of it is visible."""
    _watcher()(key=_WATCHER, on_zooms_change=_remember)


@cache
def _watcher() -> Any:
    return st.components.v2.component("ecom_zoom", js=_REPORT)


def _remember() -> None:
    st.session_state[_ZOOMED] = dict(st.session_state[_WATCHER].get("zooms") or {})


def _is_range(value: object) -> bool:
    """Two ends, as Plotly writes them; what comes from a browser may be anything."""
    return isinstance(value, list) and len(value) == 2 and all(isinstance(end, str | int | float) for end in value)
