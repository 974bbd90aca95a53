"""How a manifest moves: each step names the run, the token and the state it comes from, so that a late archiver fails.

Who holds a newer token takes an unfinished run over by one conditional update; the writer before it can then neither
move the manifest nor, since every name carries its token, be mistaken for its successor.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ecom_platform.archive.policy import Policy
from ecom_platform.errors import Fenced
from ecom_platform.store.archived import STATE_ID
from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVE_MANIFESTS, ARCHIVE_STATE
from ecom_platform.store.manifests import ArchivedFile, Frontier, Manifest, RunState, from_document


def create(
    db: MongoDatabase, run: str, token: int, days: Collection[str], policy: Policy, frontier: Frontier
) -> Manifest:
    """Record a new run. Raises Fenced when another archiver planned the same one, UnavailableError."""
    row = {"_id": run, "kind": "archive", "token": token, "days": sorted(days), "policy": policy.to_document()}
    row |= fresh(frontier)
    with mongo_errors("recording the plan of an archive run"):
        try:
            db[ARCHIVE_MANIFESTS].insert_one(row)
        except DuplicateKeyError as error:
            raise Fenced(f"The archive run {run} exists already. Nothing was started; run `ecom archive` again.") from (
                error
            )
    return from_document(row)


def advance(
    db: MongoDatabase, manifest: Manifest, to: RunState, *, session: ClientSession | None = None, **fields: Any
) -> Manifest:
    """Move a run to its next state, or stay in it to record fields.

    Raises:
        Fenced: another archiver took the run over.
        UnavailableError: MongoDB does not answer; the run goes on where it stands when it is run again.
    """
    values = {"state": str(to), **fields}
    if to != manifest.state:
        values[f"times.{to}"] = datetime.now(UTC)
    return _update(db, manifest, values, f"moving the archive run {manifest.run} to {to}", session)


def take_over(db: MongoDatabase, manifest: Manifest, token: int) -> Manifest:
    """Put a run under a newer token. Raises Fenced, UnavailableError."""
    if token == manifest.token:
        return manifest
    _demand_newer(manifest, token)
    return _update(db, manifest, {"token": token}, f"taking over the archive run {manifest.run}")


def restart(db: MongoDatabase, manifest: Manifest, token: int, frontier: Frontier) -> Manifest:
    """Put a run of which nothing was deleted back to its start, under a newer token.

    Raises Fenced, UnavailableError.
    """
    _demand_newer(manifest, token)
    return _update(db, manifest, {"token": token, **fresh(frontier)}, f"restarting the archive run {manifest.run}")


def next_epoch(db: MongoDatabase, session: ClientSession) -> int:
    """Tell everyone who remembers bitmaps that they changed; the new epoch."""
    row: Any = db[ARCHIVE_STATE].find_one_and_update(
        {"_id": STATE_ID},
        {"$inc": {"epoch": 1}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    return int(row["epoch"])


def file_documents(files: Collection[ArchivedFile]) -> list[Document]:
    """Files as a manifest holds them."""
    return [asdict(file) for file in files]


def fresh(frontier: Frontier) -> Document:
    """The fields of a run that has done nothing yet."""
    return {
        "state": str(RunState.PLANNED),
        "frontier": {"topic_id": frontier.topic_id, "next": {str(n): offset for n, offset in frontier.next.items()}},
        "rows": 0,
        "checksum": "",
        "files": [],
        "superseded": None,
        "verdict": None,
        "epoch": 0,
        "times": {str(RunState.PLANNED): datetime.now(UTC)},
    }


def _update(
    db: MongoDatabase, manifest: Manifest, values: Document, doing: str, session: ClientSession | None = None
) -> Manifest:
    expected = {"_id": manifest.run, "token": manifest.token, "state": str(manifest.state)}
    with mongo_errors(doing):
        row = db[ARCHIVE_MANIFESTS].find_one_and_update(
            expected, {"$set": values}, return_document=ReturnDocument.AFTER, session=session
        )
    if row is None:
        raise Fenced(
            f"The archive run {manifest.run} is no longer {manifest.state} under token {manifest.token}: another "
            "archiver took it over. This one stopped and changed nothing more; the other one finishes it."
        )
    return from_document(row)


def _demand_newer(manifest: Manifest, token: int) -> None:
    if token <= manifest.token:
        raise Fenced(
            f"The archive run {manifest.run} belongs to token {manifest.token}; token {token} is not newer. Nothing "
            "was changed; run `ecom archive` again."
        )
