"""The entry of the dashboard: `streamlit run dashboard/app.py`."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# Streamlit puts this folder on the path, not the one the packages `dashboard` and `ecom_platform` are in.
if str(FOLDER.parent) not in sys.path:
    sys.path.insert(0, str(FOLDER.parent))

import streamlit as st  # noqa: E402

from dashboard import frame  # noqa: E402

st.set_page_config(page_title="ecom-platform", page_icon=str(FOLDER / "icon.png"), layout="wide")
st.logo(str(FOLDER / "logo.svg"), size="medium")
PAGES = (
    ("overview", "Overview", "monitoring"),
    ("sales", "Sales", "payments"),
    ("delivery", "Delivery", "local_shipping"),
    ("inventory", "Inventory", "inventory_2"),
    ("alerts", "Alerts", "notifications"),
    ("history", "History", "calendar_month"),
    ("pipeline", "Pipeline", "conversion_path"),
)


def page_of(name: str, title: str, icon: str, *, hidden: bool = False) -> st.Page:
    """A page of this dashboard; its address is its name."""
    return st.Page(
        FOLDER / "app_pages" / f"{name}.py",
        title=title,
        icon=f":material/{icon}:",
        url_path=name,
        default=name == "overview",
        visibility="hidden" if hidden else "visible",
    )


page = st.navigation(
    [*(page_of(*about) for about in PAGES), page_of("order", "Order", "receipt_long", hidden=True)],
    position="top",
)
# The choices stand in this script, before the page runs: then they survive going from page to page and back.
frame.draw(page.url_path)
page.run()
