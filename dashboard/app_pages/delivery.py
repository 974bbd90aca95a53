"""Delivery: what is late, and whose?"""

from __future__ import annotations

from dashboard import delivery, frame

frame.page("delivery", delivery.draw)
