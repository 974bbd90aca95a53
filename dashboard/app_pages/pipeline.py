"""Pipeline: is every event where it belongs?"""

from __future__ import annotations

from dashboard import frame, pipeline

frame.page("pipeline", pipeline.draw)
