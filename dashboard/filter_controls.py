"""Filters chosen on a page: a click on a bar filters by it, a click on the only one left takes the filter away.

The controls above the pages do all that a click does: they are its equivalent for the keyboard.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from dashboard.panels import chart
from dashboard.queries.names import Names
from dashboard.selection import Kind, toggled
from dashboard.view import View, names
from ecom_platform.contract import PaymentType

_WANTED = "wanted-filter"
CLICK_HELP = " Click a bar to filter by it, and again to take that away; or use Filters above."


def options(known: Names) -> dict[Kind, list[str]]:
    """What can be chosen; until MongoDB has answered, what the address says is believed."""
    found: dict[Kind, list[str]] = {
        "warehouse": [str(number) for number in known.warehouses],
        "courier": [str(number) for number in known.couriers],
        "payment": [payment.value for payment in PaymentType],
        "category": list(known.categories),
    }
    return {kind: values or wanted(kind) for kind, values in found.items()}


def wanted(kind: Kind) -> list[str]:
    """What is chosen, whether it exists or not; before the control itself is drawn, that is what the address says."""
    value = st.session_state[kind] if kind in st.session_state else st.query_params.get_all(kind)
    return [value] if isinstance(value, str) else list(value or [])


def choose(kind: Kind, values: Sequence[str]) -> None:
    """Choose exactly these; only in a callback. What was on screen decides, so that a repeated call changes nothing."""
    st.session_state[_WANTED] = (kind, list(values))
    # The controls and the pills stand outside of the part of the page that the click would draw again.
    st.rerun()


def take_up() -> None:
    """Set what a click chose. Before the controls are drawn, not in the callback.

    A refresh that was on its way meanwhile brings the browser's older value of the control, and would undo the click.
    """
    kind, values = st.session_state.pop(_WANTED, (None, []))
    if kind == "category":
        st.session_state[kind] = values[0] if values else None
    elif kind:
        st.session_state[kind] = values


def bar_key(kind: Kind, value: object) -> str:
    """What a click on the bar of `value` chooses; nothing for one that no control offers (not described yet)."""
    return str(value) if str(value) in options(names())[kind] else ""


def filter_chart(view: View, figure: go.Figure, key: str, alt: str, kind: Kind) -> None:
    """A chart whose bars filter by what their keys say."""
    chosen = view.choice.values(kind)
    # With the choice in its key it is another chart after each click, on which nothing is selected: a second click on
    # the same bar would else only take the selection away, and not reach us.
    chart(figure, "-".join([key, *chosen]), alt, lambda value: choose(kind, toggled(kind, chosen, value)))
