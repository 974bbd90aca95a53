"""Sales: what sells, and where?"""

from __future__ import annotations

from dashboard import frame, sales

frame.page("sales", sales.draw)
