"""Alerts: what needs attention, and what did?"""

from __future__ import annotations

from dashboard import alerts

alerts.draw_page()
