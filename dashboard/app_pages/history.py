"""History: what did the days gone by look like, and where are they?"""

from __future__ import annotations

from dashboard import frame, history, verify_card

frame.page("history", history.draw)
verify_card.draw(frame.chosen())
