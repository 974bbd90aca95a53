"""Leases: at most one live holder of a role, and a token that tells an old holder from a new one.

The document of a role is never deleted, so tokens increase over all acquisitions. A lease is an agreement about who
should work; what makes a late holder harmless is the token in every write. All instants come from the server's clock.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from ecom_platform.contract.times import EPOCH
from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import LEASES
from ecom_platform.store.process_identity import ProcessIdentity, identify

STREAM_ROLE: Final = "stream"
"""Who applies the topic; its desired state is kept under the same name."""

ARCHIVER_ROLE: Final = "archiver"
"""Who moves orders to the archive, and back."""

# A holder renews many times within a term. One that renewed more than a term from now has not done so since the
# server's clock was set back, and would otherwise hold the role until that clock has caught up.
_TERM = {"$subtract": ["$expires_at", "$renewed_at"]}
_EXPIRED = {
    "$expr": {
        "$or": [
            {"$lte": ["$expires_at", "$$NOW"]},
            {"$gt": [{"$subtract": ["$renewed_at", _TERM]}, "$$NOW"]},
        ]
    }
}


@dataclass(frozen=True, slots=True)
class LeaseState:
    """What the document of a role said at `read_at` (server's clock). `owner` is None after a release."""

    role: str
    token: int
    owner: str | None
    run_id: str | None
    process: ProcessIdentity | None
    expires_at: datetime
    renewed_at: datetime
    read_at: datetime

    @property
    def left(self) -> timedelta:
        """How long it is in force from `read_at` on; nothing or less when it has run out.

        A renewal that lies more than a term ahead was written before the server's clock was set back: it has run out.
        """
        term = self.expires_at - self.renewed_at
        return self.expires_at - self.read_at if self.renewed_at - self.read_at <= term else timedelta(0)

    def alive(self) -> bool:
        """True while the holder's word counts: not released, not expired, its process not known to be gone."""
        if self.owner is None or self.left <= timedelta(0):
            return False
        return self.process is None or not self.process.is_gone()


@dataclass(frozen=True, slots=True)
class Lease:
    """A role held by this process under `token`."""

    db: MongoDatabase
    role: str
    token: int
    owner: str
    ttl_seconds: float

    @classmethod
    def acquire(
        cls, db: MongoDatabase, role: str, owner: str, run_id: str | None = None, ttl_seconds: float = 20.0
    ) -> Self:
        """Take a role that is free, expired, or held by a process of this machine that is gone.

        Raises:
            Fenced: another process holds it; the text says which and for how long.
            UnavailableError: MongoDB does not answer; a lease that was taken unheard expires by itself.
        """
        with mongo_errors(f"taking the lease {role!r}"):
            # An upsert may not use the server's clock in its filter, so the document is made first.
            first = {"$setOnInsert": {"token": 0, "owner": None, "expires_at": EPOCH, "renewed_at": EPOCH}}
            db[LEASES].update_one({"_id": role}, first, upsert=True)
            taken = _take(db, role, _EXPIRED, owner=owner, run_id=run_id, ttl_seconds=ttl_seconds)
            held = read_lease(db, role) if taken is None else None
            if held is not None and not held.alive():
                # The token in the filter: of two that see the same dead holder, one wins.
                same = {"token": held.token}
                taken = _take(db, role, same, owner=owner, run_id=run_id, ttl_seconds=ttl_seconds)
                held = read_lease(db, role)
        if taken is None:
            raise Fenced(_refusal(role, held))
        return cls(db, role, int(taken["token"]), owner, ttl_seconds)

    def renew(self) -> None:
        """Push the expiry out again. A lease that expired but was not taken is still held.

        Raises:
            Fenced: another process took it, or it was released: stop, do not write any more.
            UnavailableError: MongoDB does not answer. The lease may well still be held: go on trying until Fenced.
        """
        renewed = {"renewed_at": "$$NOW", "expires_at": _expiry(self.ttl_seconds)}
        with mongo_errors(f"renewing the lease {self.role!r}"):
            found = self.db[LEASES].update_one(self._mine(), [{"$set": renewed}]).matched_count
        if not found:
            raise Fenced(
                f"{self.owner} lost the lease {self.role!r} (token {self.token}): another writer took it over, or it "
                "was released. Nothing more was written. `ecom status` shows who holds it."
            )

    def keep(self) -> None:
        """As `renew`, but for a MongoDB that does not answer: it has not given the role to anybody. Raises Fenced."""
        with suppress(UnavailableError):
            self.renew()

    def confirm(self, session: ClientSession) -> None:
        """Make a transaction depend on this lease: it can only commit while no other process has taken it.

        Raises:
            Fenced: another process took it, or it was released; the transaction must be given up.
        """
        # A write, not a read: a take-over meanwhile is a conflict of the two.
        confirmed = [{"$set": {"confirmed_at": "$$NOW"}}]
        if not self.db[LEASES].update_one(self._mine(), confirmed, session=session).matched_count:
            raise Fenced(
                f"{self.owner} lost the lease {self.role!r} (token {self.token}): another writer took it over, or it "
                "was released. Nothing of this step was written. `ecom status` shows who holds it."
            )

    def release(self) -> None:
        """Give the role back at once; nothing happens when it is already lost. Raises UnavailableError."""
        free = {"owner": None, "expires_at": "$$NOW", "renewed_at": "$$NOW"}
        with mongo_errors(f"releasing the lease {self.role!r}"):
            self.db[LEASES].update_one(self._mine(), [{"$set": free}])

    def _mine(self) -> Document:
        return {"_id": self.role, "token": self.token, "owner": self.owner}


def read_lease(db: MongoDatabase, role: str) -> LeaseState | None:
    """The state of a role, None when it was never held. Raises UnavailableError."""
    with mongo_errors(f"reading the lease {role!r}"):
        rows = list(db[LEASES].aggregate([{"$match": {"_id": role}}, {"$set": {"read_at": "$$NOW"}}]))
    if not rows or not rows[0]["token"]:
        return None
    row = rows[0]
    return LeaseState(
        role=role,
        token=row["token"],
        owner=row["owner"],
        run_id=row.get("run_id"),
        process=ProcessIdentity(row["pid"], row["process_started"], row["boot_id"]) if row.get("boot_id") else None,
        expires_at=row["expires_at"],
        renewed_at=row["renewed_at"],
        read_at=row["read_at"],
    )


def _take(
    db: MongoDatabase, role: str, condition: Document, *, owner: str, run_id: str | None, ttl_seconds: float
) -> Document | None:
    process = identify()
    fields: dict[str, Any] = {
        "token": {"$add": ["$token", 1]},
        # Literal, because a name that begins with $ would be read as a field.
        "owner": {"$literal": owner},
        "run_id": {"$literal": run_id},
        "pid": process.pid if process else None,
        "process_started": process.process_started if process else None,
        "boot_id": process.boot_id if process else None,
        "renewed_at": "$$NOW",
        "expires_at": _expiry(ttl_seconds),
    }
    return db[LEASES].find_one_and_update(
        {"_id": role, **condition}, [{"$set": fields}], return_document=ReturnDocument.AFTER
    )


def _expiry(ttl_seconds: float) -> Document:
    return {"$add": ["$$NOW", int(ttl_seconds * 1000)]}


def _refusal(role: str, held: LeaseState | None) -> str:
    if held is None or held.owner is None:
        return f"The lease {role!r} was taken by another process at the same instant. Nothing was started; try again."
    left = max(held.left, timedelta(0)).total_seconds()
    process = f", process {held.process.pid}" if held.process else ""
    return (
        f"{held.owner}{process} holds the lease {role!r} (token {held.token}, expires in {left:.0f} s unless renewed). "
        "Nothing was started. `ecom status` shows what runs; `ecom down` stops it."
    )
