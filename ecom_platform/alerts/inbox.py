"""What the dashboard reads and writes: open alerts, their history, and acknowledgements, which it may only add."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from ecom_platform.alerts.catalogue import Severity
from ecom_platform.alerts.documents import EVALUATOR, Acknowledgement, Alert, alert_of
from ecom_platform.contract.times import in_milliseconds
from ecom_platform.errors import UsageError
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import ALERT_ACKNOWLEDGEMENTS, ALERTS

_GRAVEST_FIRST = list(Severity)


def open_alerts(db: MongoDatabase) -> list[Alert]:
    """Every open alert: the gravest first, among equals the longest open first. Raises UnavailableError."""
    with mongo_errors("reading the open alerts"):
        alerts = _with_acknowledgements(db, db[ALERTS].find({"open": True}))
    return sorted(alerts, key=lambda alert: (_GRAVEST_FIRST.index(alert.severity), alert.since))


def history(db: MongoDatabase, *, before: datetime | None = None, limit: int = 50) -> list[Alert]:
    """Alerts that are over, the last opened first; `before` = `opened_at` of the last one shown goes on from there.

    Raises UnavailableError.
    """
    earlier = {"opened_at": {"$lt": before}} if before else {}
    with mongo_errors("reading past alerts"):
        rows = db[ALERTS].find({"open": False, **earlier}).sort("opened_at", DESCENDING).limit(limit)
        return _with_acknowledgements(db, rows)


def evaluated_at(db: MongoDatabase) -> datetime | None:
    """When the rules were last evaluated; that no alert is open is good news only while this is recent.

    Raises UnavailableError.
    """
    return _when(db, "evaluated_at")


def judged_at(db: MongoDatabase) -> datetime | None:
    """When the last evaluation judged every rule; None: since a history was loaded, none has.

    While a history is loading or the figures are old, an evaluation judges only their age. Raises UnavailableError.
    """
    return _when(db, "judged_at")


def _when(db: MongoDatabase, name: str) -> datetime | None:
    with mongo_errors("reading when alerts were evaluated"):
        row = db[ALERTS].find_one({"_id": EVALUATOR}, {name: 1})
    return row.get(name) if row else None


def acknowledge(db: MongoDatabase, alert_id: str, by: str, note: str = "") -> Acknowledgement:
    """Say that `by` has seen an alert; the first to say so stays, and is what this returns.

    Raises:
        UsageError: there is no such alert.
        UnavailableError: MongoDB does not answer; whether it was recorded, the next reading tells.
    """
    said = Acknowledgement(by, in_milliseconds(datetime.now(UTC)), note)
    with mongo_errors("acknowledging an alert"):
        if db[ALERTS].find_one({"_id": alert_id, "rule": {"$exists": True}}, {"_id": 1}) is None:
            raise UsageError(f"There is no alert {alert_id!r}; nothing was acknowledged. Reload the page.")
        acknowledgements = db[ALERT_ACKNOWLEDGEMENTS]
        try:
            acknowledgements.insert_one({"_id": alert_id, "by": said.by, "at": said.at, "note": said.note})
        except DuplicateKeyError:
            first = acknowledgements.find_one({"_id": alert_id})
            return Acknowledgement(first["by"], first["at"], first["note"]) if first else said
    return said


def _with_acknowledgements(db: MongoDatabase, rows: Iterable[Document]) -> list[Alert]:
    found = list(rows)
    ids = [row["_id"] for row in found]
    said = {row["_id"]: row for row in db[ALERT_ACKNOWLEDGEMENTS].find({"_id": {"$in": ids}})} if ids else {}
    return [alert_of(row, said.get(row["_id"])) for row in found]
