"""Open alerts, when the rules were last evaluated, and closed alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ecom_platform.alerts import Alert, evaluated_at, history, judged_at, open_alerts
from ecom_platform.store.client import MongoDatabase

UNWATCHED_AFTER: Final = timedelta(minutes=2)
"""Four looks of the rules that did not take place: from then on silence is no good news."""


@dataclass(frozen=True)
class Attention:
    """The open alerts, gravest first, read at `now`; `evaluated_at` is None when no rule was ever evaluated.

    `judged_at`: when every rule was judged last; None: not yet. `is_loading`: a history is being loaded, and most rules
    are judged after it.
    """

    open: tuple[Alert, ...]
    evaluated_at: datetime | None
    judged_at: datetime | None
    now: datetime
    is_loading: bool = False

    @property
    def is_watched(self) -> bool:
        """Whether the rules are being evaluated."""
        return self._is_recent(self.evaluated_at)

    @property
    def is_judged(self) -> bool:
        """Whether all of them are, so that no alert means that nothing is wrong."""
        return self._is_recent(self.judged_at)

    def _is_recent(self, at: datetime | None) -> bool:
        return at is not None and self.now - at < UNWATCHED_AFTER


@dataclass(frozen=True)
class Past:
    """Closed alerts, the last opened first, read at `now`; `has_earlier`: there are more."""

    alerts: tuple[Alert, ...]
    has_earlier: bool
    now: datetime


def attention(db: MongoDatabase, now: datetime, *, is_loading: bool = False) -> Attention:
    """What is open, and when the rules last looked."""
    return Attention(tuple(open_alerts(db)), evaluated_at(db), judged_at(db), now, is_loading)


def past(db: MongoDatabase, now: datetime, limit: int) -> Past:
    """The last `limit` closed alerts.

    Always from the newest one on: alerts that open together have the same `opened_at`, and going on before that of the
    last one shown could leave out its twins.
    """
    found = history(db, limit=limit + 1)
    return Past(tuple(found[:limit]), len(found) > limit, now)
