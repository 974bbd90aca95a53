"""The charts of the dashboard: from figures to Plotly, colours from the palette only. No Streamlit, no queries."""

from dashboard.charts.histogram import delays
from dashboard.charts.history import daily, week
from dashboard.charts.over_time import counts, orders_per_minute
from dashboard.charts.ranked import Ranked, ranked
from dashboard.charts.revenue import revenue
from dashboard.charts.shares import payment_donut, status_bar
from dashboard.charts.stock import cover_map, movements

__all__ = [
    "Ranked",
    "counts",
    "cover_map",
    "daily",
    "delays",
    "movements",
    "orders_per_minute",
    "payment_donut",
    "ranked",
    "revenue",
    "status_bar",
    "week",
]
