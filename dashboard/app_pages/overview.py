"""Overview: is today normal?"""

from __future__ import annotations

from dashboard import overview

overview.draw()
