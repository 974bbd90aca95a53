"""The archive describes itself: the manifest of every finished run as JSON in HDFS, for readers that know only that.

A manifest changes after its end, when an order of it is brought back or a compaction takes files over. So it remembers
the checksum of its copy, and the next run rewrites a copy that has another one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from hdfs_native import Client

from ecom_platform.archive.files import bytes_checksum, list_files, read_bytes, write_bytes
from ecom_platform.archive.layout import MANIFESTS, ROOT, manifest_copy
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import ARCHIVE_MANIFESTS
from ecom_platform.store.manifests import Manifest, RunState, read_manifests


def refresh_copies(db: MongoDatabase, hdfs: Client) -> list[str]:
    """Write the copies that are not what their manifests say now; the runs they are of. Raises UnavailableError."""
    written = []
    for manifest in read_manifests(db, [RunState.DONE]):
        content = manifest_json(manifest)
        checksum = bytes_checksum(content)
        if checksum != manifest.copied:
            write_bytes(hdfs, manifest_copy(manifest.run), content)
            with mongo_errors("remembering what a manifest's copy says"):
                db[ARCHIVE_MANIFESTS].update_one({"_id": manifest.run}, {"$set": {"copied": checksum}})
            written.append(manifest.run)
    return written


def paths_of_strangers(hdfs: Client, known: Collection[str]) -> dict[str, list[str]]:
    """The files, below the root, of runs that only HDFS knows: their MongoDB was emptied, or is another one.

    Args:
        known: the runs that MongoDB knows.

    Raises:
        UnavailableError: HDFS does not answer, or a copy cannot be read.
    """
    strangers = {}
    for name, _ in list_files(hdfs, MANIFESTS):
        run, dot, kind = name.rpartition(".")
        if dot and kind == "json" and run not in known:
            copy = json.loads(read_bytes(hdfs, manifest_copy(run)))
            strangers[run] = [file["path"].removeprefix(f"{ROOT}/") for file in copy["files"]]
    return strangers


def manifest_json(manifest: Manifest) -> bytes:
    """A manifest for others: what it wrote, and which files count now, without the orders in `superseded`."""
    document = {
        "run": manifest.run,
        "kind": manifest.kind,
        "state": manifest.state,
        "days": manifest.days,
        "policy": {name: _plain(value) for name, value in manifest.policy.items()},
        "frontier": {"topic_id": manifest.frontier.topic_id, "next": dict(manifest.frontier.next)},
        "rows": manifest.rows,
        "checksum": manifest.checksum,
        "files": [
            {"path": f"{ROOT}/{file.path}", "bytes": file.bytes, "rows": file.rows, "sha256": file.checksum}
            for file in manifest.files
        ],
        "superseded": list(manifest.superseded),
        "verdict": {"passed": manifest.verdict.passed, "text": manifest.verdict.text} if manifest.verdict else None,
        "times": {name: _plain(value) for name, value in manifest.times.items()},
    }
    return json.dumps(document, indent=1).encode()


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
