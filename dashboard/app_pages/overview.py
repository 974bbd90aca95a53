"""Overview: is today normal?"""

from __future__ import annotations

from dashboard import frame, overview

frame.page("overview", overview.draw)
