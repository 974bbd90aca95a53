"""Whether history is being loaded; batch work would only delay it."""

from __future__ import annotations

from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.loading import read_loading


def history_is_loading(db: MongoDatabase) -> str | None:
    """How much is loaded, in words, while somebody loads; else None. Raises UnavailableError."""
    loading = read_loading(db)
    if loading is None:
        return None
    return f"{100 * loading.share:.0f} % of the history is loaded; batch work begins after it."
