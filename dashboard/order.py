"""One order: what was bought, what happened to it and when, and where it is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import formats
from dashboard.panels import body, table
from dashboard.queries.order import FoundOrder, find_order, order_number
from dashboard.selection import NOTHING
from dashboard.view import Asked, Question, View, WhileLoading, names
from ecom_platform.contract import Status

_HEIGHT = 400
_TILE_HEIGHT = 90


def draw(view: View) -> None:
    """Draw the page for the order in the address."""
    wanted = st.text_input("Order number", key="order_id", bind="query-params", placeholder="4711", width=260)
    order_id = order_number(wanted or "")
    if order_id is None:
        st.caption("A number from any list of orders; the links there lead here.")
        return
    body(
        view,
        Question(("order", order_id), partial(_find, order_id), NOTHING, WhileLoading.SHOWN),
        _draw_order,
        _HEIGHT,
        note=lambda _, found: found.stored + (f" {found.late_events} late events wait." if found.late_events else ""),
        empty=lambda found: None if found.document else found.stored,
    )


def _find(order_id: int, asked: Asked) -> FoundOrder:
    found = find_order(asked.settings, asked.db, order_id)
    if found.document is None and asked.loading:
        return replace(found, stored=f"{found.stored} A history is being loaded, and the order may be part of it.")
    return found


def _draw_order(view: View, found: FoundOrder) -> None:
    order = found.document or {}
    delivery = order["delivery"]
    expected: datetime = delivery["expected_time"]
    known = names()
    warehouse, courier = order["warehouse_id"], delivery["courier_id"]
    with st.grid(6, min_column_width=165, gap="small"):
        for label, value, text in (
            ("Total", formats.exact_money(order["total_cents"], view.currency), order["payment_type"]),
            ("State", delivery["status"], _judgement(delivery, view.tick.at)),
            ("Promised", f"{expected:%d %b %H:%M}", "UTC"),
            ("Warehouse", f"No. {warehouse}", known.warehouses.get(warehouse, formats.UNKNOWN)),
            ("Courier", f"No. {courier}", known.couriers.get(courier, formats.UNKNOWN)),
            ("Customer", f"No. {order['user_id']}", order["user_city"]),
        ):
            st.metric(label, value, text, delta_color="off", delta_arrow="off", border=True, height=_TILE_HEIGHT + 20)
    left, right = st.columns([2, 3], gap="small")
    with left, st.container(border=True, height="stretch", key="card-timeline"):
        st.markdown("**What happened**")
        table("Steps of the order with their times", _timeline(order))
    with right, st.container(border=True, height="stretch", key="card-items"):
        st.markdown("**Items**")
        table("Items of the order", _items(order, view.currency))


def _judgement(delivery: dict[str, Any], now: datetime) -> str:
    """How the delivery stands against its promise."""
    if delivery["status"] == Status.CANCELLED:
        return "cancelled"
    arrived: datetime | None = delivery["actual_time"]
    if arrived is None and now <= delivery["expected_time"]:
        return "not late"
    delay = ((arrived or now) - delivery["expected_time"]).total_seconds()
    if delay <= 0:
        return "on time" if delay > -30 else formats.duration(delay)
    return f"{formats.duration(delay)} late"


def _timeline(order: dict[str, Any]) -> dict[str, list[str]]:
    """Every step with the time since the one before, and the promise among them."""
    delivery = order["delivery"]
    steps = sorted(
        [(step["at"], "Placed" if step["status"] == Status.PENDING else step["status"]) for step in delivery["history"]]
        + [(delivery["expected_time"], "promised")]
    )
    first: datetime = steps[0][0]
    return {
        "Step": [f":gray[{name}]" if name == "promised" else name for _, name in steps],
        "Time (UTC)": [f"{at:%d %b %Y %H:%M:%S}" for at, _ in steps],
        "After": [formats.duration((at - first).total_seconds()) for at, _ in steps],
    }


def _items(order: dict[str, Any], currency: str) -> pd.DataFrame:
    lines, known = order["order_items"], names()
    money = partial(formats.exact_money, currency=currency)
    rows = [
        [
            known.product(line["product_id"]),
            line["category"],
            formats.count(line["quantity"]),
            money(line["price_cents"]),
            money(line["net_cents"]),
        ]
        for line in lines
    ]
    rows.append(["Total", "", formats.count(order["quantity"]), "", money(order["total_cents"])])
    return pd.DataFrame(rows, columns=["Product", "Category", "Quantity", "Price", "After discount"])
