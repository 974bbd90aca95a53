"""The entry of the dashboard: `streamlit run dashboard/app.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# Streamlit puts this folder on the path, not the one the packages `dashboard` and `ecom_platform` are in.
if str(FOLDER.parent) not in sys.path:
    sys.path.insert(0, str(FOLDER.parent))

import streamlit as st  # noqa: E402

from dashboard import alerts, delivery, frame, history, inventory, order, overview, pipeline, sales  # noqa: E402

st.set_page_config(page_title="ecom-platform", page_icon=str(FOLDER / "icon.png"), layout="wide")
st.logo(str(FOLDER / "logo.svg"), size="medium")
PAGES: tuple[tuple[str, str, Callable[[], None]], ...] = (
    ("overview", "monitoring", partial(frame.page, "overview", overview.draw)),
    ("sales", "payments", partial(frame.page, "sales", sales.draw)),
    ("delivery", "local_shipping", partial(frame.page, "delivery", delivery.draw)),
    ("inventory", "inventory_2", partial(frame.page, "inventory", inventory.draw)),
    ("alerts", "notifications", alerts.draw_page),
    ("history", "calendar_month", history.draw_page),
    ("pipeline", "conversion_path", partial(frame.page, "pipeline", pipeline.draw)),
    ("order", "receipt_long", partial(frame.page, "order", order.draw)),
)


def page_of(name: str, icon: str, draw: Callable[[], None]) -> st.Page:
    """A page of this dashboard; its address is its name. An order is reached from lists of orders only."""
    return st.Page(
        draw,
        title=name.capitalize(),
        icon=f":material/{icon}:",
        url_path=name,
        default=name == "overview",
        visibility="hidden" if name == "order" else "visible",
    )


pages = {name: page_of(name, icon, draw) for name, icon, draw in PAGES}
st.session_state[frame.PAGES] = pages
page = st.navigation(list(pages.values()), position="top")
# The choices stand in this script, before the page runs: then they survive going from page to page and back.
frame.draw(page.url_path)
page.run()
