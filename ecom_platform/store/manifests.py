"""Archive manifests: what each archive run did, and which files therefore hold orders.

A reader of cold data believes the manifests, never a directory listing. The archive writes them; the stream, the
readers of history and the reconciliation read them here.

    {_id: run, kind: "archive" | "compaction", token, state, days: ["YYYY-MM-DD"],
     policy: {older_than_seconds, open_after_seconds, closed_before: Date, open_before: Date},
     frontier: {topic_id, next: {"<partition>": offset}}, rows, checksum,
     files: [{path, bytes, rows, checksum}], superseded: Binary, verdict: {passed, at, text} | null,
     epoch, times: {<state>: Date}, replaced: [{path, until: Date}], copied, failed_checks}

A run of kind "archive" says for ever which orders it archived and what the stream had applied to them by then
(`archived_ids`, `frontier`). The files are a question of their own: a run of kind "compaction" takes files over from
others and has neither ids nor a frontier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from bson.binary import Binary
from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.store.client import Document, MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVE_MANIFESTS


class RunState(StrEnum):
    """The steps of a run, in order.

    Two states are stored by older versions only: VERIFIED (the staged files were read back), from which a run starts
    over like from WRITTEN, and REVOKED (the check came after the commit, and failed), which is an end.
    """

    PLANNED = "PLANNED"
    WRITTEN = "WRITTEN"
    VERIFIED = "VERIFIED"
    PUBLISHED = "PUBLISHED"
    COMMITTED = "COMMITTED"
    PURGING = "PURGING"
    DONE = "DONE"
    REVOKED = "REVOKED"


class RunKind(StrEnum):
    """What a run did: move orders out of MongoDB, or rewrite files of other runs."""

    ARCHIVE = "archive"
    COMPACTION = "compaction"


COLD_STATES: Final = (RunState.COMMITTED, RunState.PURGING, RunState.DONE)
"""States in which a run's files count."""

FINISHED: Final = (RunState.DONE, RunState.REVOKED)
"""States that a run does not leave."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One Parquet file: path below the archive's root, length, rows, checksum of its bytes."""

    path: str
    bytes: int
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """A file that counts no longer. It stays `until` then, for readers of an instant at which it did."""

    path: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Frontier:
    """Where the stream stood before the run read its rows: an event of an archived order below it is a replay."""

    topic_id: str
    next: Mapping[int, int]

    def covers(self, topic_id: str, partition: int, offset: int) -> bool:
        """Whether the event at this offset was applied before the run read."""
        return topic_id == self.topic_id and offset < self.next.get(partition, 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the independent check said about the published files."""

    passed: bool
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One run of the archive (or of compaction).

    Attributes:
        run: sorts by start.
        token: of the archiver's lease; part of every name the run makes.
        days: UTC days of the orders it was planned for.
        rows: orders that it wrote; `checksum` is theirs, in any order.
        files: what counts as cold while the state is one of COLD_STATES: those it wrote, without those that a
            compaction took over.
        superseded: ids in `files` that count elsewhere: they stayed hot, or were brought back.
        verdict: of the check of the published files; None before it.
        epoch: value of `archive_state.epoch` when its ids last changed; 0 before it is committed.
        times: when it reached each state.
        replaced: by a compaction, files of other runs.
        copied: checksum of its copy in HDFS; empty when there is none yet.
        failed_checks: how many checks failed in a row; after each the run started over.
    """

    run: str
    kind: RunKind
    token: int
    state: RunState
    days: tuple[str, ...]
    policy: Mapping[str, Any]
    frontier: Frontier
    rows: int
    checksum: str
    files: tuple[ArchivedFile, ...]
    superseded: BitMap64
    verdict: Verdict | None
    epoch: int
    times: Mapping[str, datetime]
    replaced: tuple[Replaced, ...] = ()
    copied: str = ""
    failed_checks: int = 0

    @property
    def is_cold(self) -> bool:
        """Whether its files count."""
        return self.state in COLD_STATES


def read_manifests(
    db: MongoDatabase, states: Iterable[RunState] = tuple(RunState), *, session: ClientSession | None = None
) -> list[Manifest]:
    """The runs in the given states, oldest first. Raises UnavailableError."""
    with mongo_errors("reading the archive's manifests"):
        rows = db[ARCHIVE_MANIFESTS].find({"state": {"$in": [str(state) for state in states]}}, session=session)
        return [from_document(row) for row in rows.sort("_id")]


def from_document(row: Document) -> Manifest:
    """A manifest as MongoDB holds it."""
    frontier, verdict = row["frontier"], row.get("verdict")
    return Manifest(
        run=row["_id"],
        kind=RunKind(row["kind"]),
        token=row["token"],
        state=RunState(row["state"]),
        days=tuple(row["days"]),
        policy=row.get("policy", {}),
        frontier=Frontier(frontier["topic_id"], {int(number): offset for number, offset in frontier["next"].items()}),
        rows=row.get("rows", 0),
        checksum=row.get("checksum", ""),
        files=tuple(ArchivedFile(**file) for file in row.get("files", ())),
        superseded=bitmap_from(row.get("superseded")),
        verdict=Verdict(**verdict) if verdict else None,
        epoch=row.get("epoch", 0),
        times=row.get("times", {}),
        replaced=tuple(Replaced(**file) for file in row.get("replaced", ())),
        copied=row.get("copied", ""),
        failed_checks=row.get("failed_checks", 0),
    )


def bitmap_from(stored: bytes | None) -> BitMap64:
    """The ids in a stored bitmap; none when nothing is stored."""
    return BitMap64.deserialize(bytes(stored)) if stored else BitMap64()


def bitmap_to(ids: BitMap64) -> Binary:
    """A bitmap as a field of a document."""
    return Binary(ids.serialize())
