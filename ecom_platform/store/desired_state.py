"""What a person wants to run. The state of a run cannot tell: Ctrl-C looks like a failure, a cancel like a wish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from ecom_platform.errors import ConfigurationError, UsageError
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import INTENT

Desired = Literal["running", "stopped"]
_VALID: Final = get_args(Desired)


@dataclass(frozen=True, slots=True)
class Intent:
    """The desired state of a role: what, by whom, when (server's clock) and why; `at` is None before the first one."""

    role: str
    desired: Desired
    by: str
    at: datetime | None
    reason: str


def set_intent(db: MongoDatabase, role: str, desired: Desired, by: str, reason: str) -> None:
    """Record a wish; it replaces the earlier one. Raises UsageError for an unknown wish, UnavailableError."""
    if desired not in _VALID:
        raise UsageError(f"{desired!r} is not something to wish for {role!r}; valid are {', '.join(_VALID)}.")
    wish = {"desired": desired, "by": {"$literal": by}, "at": "$$NOW", "reason": {"$literal": reason}}
    with mongo_errors(f"recording what {role!r} should do"):
        db[INTENT].update_one({"_id": role}, [{"$set": wish}], upsert=True)


def read_intent(db: MongoDatabase, role: str) -> Intent:
    """The desired state of a role; `stopped` before the first one. Raises UnavailableError."""
    with mongo_errors(f"reading what {role!r} should do"):
        row = db[INTENT].find_one({"_id": role})
    if row is None:
        return Intent(role, "stopped", by="no one", at=None, reason="never started")
    known = {"by": "somebody", "at": None, "reason": "no reason was given", **row}  # a person may have written it
    if known.get("desired") not in _VALID:
        raise ConfigurationError(
            f"The wish for {role!r} in the collection {INTENT} is {known.get('desired')!r}; valid are "
            f"{', '.join(_VALID)}. Say it again: `ecom stream --supervised` starts the stream."
        )
    return Intent(role, known["desired"], known["by"], known["at"], known["reason"])
