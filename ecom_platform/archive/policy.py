"""Which orders an archive run takes. Closed ones that are old enough; open ones only when they are very old.

An order that is still on its way keeps changing, and every change of an archived order costs a way back. One that
unchanged for a month will not change any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from ecom_platform.contract import CLOSED_STATUSES
from ecom_platform.errors import UsageError
from ecom_platform.settings import Settings
from ecom_platform.store.client import Document


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run takes: closed orders placed before `closed_before`, and any order placed before `open_before`."""

    older_than: timedelta
    open_after: timedelta
    closed_before: datetime
    open_before: datetime

    @classmethod
    def at(cls, now: datetime, older_than: timedelta, open_after: timedelta) -> Self:
        """The policy of a run that is planned now. Open orders are never taken earlier than closed ones."""
        now = now.astimezone(UTC)
        now -= timedelta(microseconds=now.microsecond % 1000)  # MongoDB keeps milliseconds
        return cls(older_than, open_after, now - older_than, now - max(open_after, older_than))

    @classmethod
    def from_document(cls, row: Mapping[str, Any]) -> Self:
        """As a manifest holds it."""
        return cls(
            timedelta(seconds=row["older_than_seconds"]),
            timedelta(seconds=row["open_after_seconds"]),
            row["closed_before"],
            row["open_before"],
        )

    def to_document(self) -> Document:
        """For a manifest."""
        return {
            "older_than_seconds": int(self.older_than.total_seconds()),
            "open_after_seconds": int(self.open_after.total_seconds()),
            "closed_before": self.closed_before,
            "open_before": self.open_before,
        }

    def takes(self, status: str, order_time: datetime) -> bool:
        """Whether a run takes an order."""
        return order_time < self.open_before or (order_time < self.closed_before and status in CLOSED_STATUSES)

    def filter(self) -> Document:
        """The same as a filter of MongoDB over `orders`; order_time's index bounds it."""
        return {
            "order_time": {"$lt": self.closed_before},
            "$or": [
                {"delivery.status": {"$in": list(CLOSED_STATUSES)}},
                {"order_time": {"$lt": self.open_before}},
            ],
        }


def policy_of(settings: Settings, *, older_than: timedelta | None = None, now: datetime | None = None) -> Policy:
    """The policy of the settings.

    Args:
        older_than: instead of the setting's.
        now: instead of the clock's.

    Raises:
        UsageError: a negative age would take orders of the future.
    """
    age = settings.archive_older_than if older_than is None else older_than
    if age < timedelta(0):
        raise UsageError("An age cannot be negative. Nothing was started; try `ecom archive --older-than 1d`.")
    return Policy.at(now or datetime.now(UTC), age, settings.archive_open_after)
