"""Order: what happened to this one?"""

from __future__ import annotations

from dashboard import frame, order

frame.page("order", order.draw)
