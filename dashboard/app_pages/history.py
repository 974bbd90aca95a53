"""History: what did the days gone by look like, and where are they?"""

from __future__ import annotations

from dashboard import frame, history, verifying

frame.page("history", history.draw)
verifying.draw(frame.chosen())
