"""Events that are in Kafka and cannot be read yet, because a transaction before them is still open. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Events of one partition that wait; `since` is when the transaction's producer last wrote, if that is known."""

    partition: int
    events: int
    since: datetime | None


def held_sentence(held: Iterable[Held]) -> str:
    """How many events wait, since when and where, to follow a sentence that counts all; empty when none does."""
    waiting = [one for one in held if one.events]
    if not waiting:
        return ""
    since = min((one.since for one in waiting if one.since is not None), default=None)
    when = f" since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if since is not None else ""
    numbers = ", ".join(str(one.partition) for one in waiting)
    places = f"partition{'s' if len(waiting) > 1 else ''} {numbers}"
    events = sum(one.events for one in waiting)
    return f"{events:,} of them are held back by an open transaction{when} ({places})."
