"""Whether the demo's simulator is still writing the days before now; batch work would only delay them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

from ecom_platform.settings import Settings

__all__ = ["history_is_loading"]

# The simulator rewrites the file about every second; an old one is that of a start that was ended.
STALE_SECONDS: Final = 60.0


def history_is_loading(settings: Settings) -> str | None:
    """How much is loaded, in words, while a simulator is at it; else None, also when nobody can tell."""
    file = Path(settings.home) / "simulator" / "history.json"
    try:
        if time.time() - file.stat().st_mtime > STALE_SECONDS:
            return None
        share = float(json.loads(file.read_text())["share"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return f"{share:.0%} of the history is loaded; batch work begins after it." if share < 1 else None
