"""What a server that died at its start says of its data, and what to do about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RECOVERY = 'docs/operations.md, "Recovery of each part", says what is lost with it and how to go on.'


@dataclass(frozen=True)
class _Known:
    """Words of a server's log, by any of which a fault of its data is known, and what to do."""

    server: str
    words: Sequence[str]
    advice: str


_KNOWN = (
    _Known(
        "mongodb",
        ("Unable to acquire security key",),
        "Its key file cannot be used. Delete credentials/mongodb-keyfile in the home: `ecom up` makes another.",
    ),
    _Known(
        "mongodb",
        ("featureCompatibilityVersion", "UPGRADE PROBLEM", "unsupported WiredTiger file version"),
        "Its data was written by another version of MongoDB. Name that one with ECOM_MONGOD, or put back a copy of "
        f"data/mongodb; {_RECOVERY}",
    ),
    _Known(
        "mongodb",
        ("WT_PANIC", "WT_TRY_SALVAGE", "Fatal assertion", "checksum"),
        f"Its data in data/mongodb is damaged. Put back a copy; {_RECOVERY}",
    ),
    _Known(
        "kafka",
        ("meta.properties", "node ID not found", "cluster.id", "InconsistentClusterId", "CorruptRecord"),
        f"Its data in data/kafka is damaged, or of another cluster. Put back a copy; {_RECOVERY}",
    ),
    _Known(
        "hdfs",
        (
            *("Incompatible clusterIDs", "Incompatible namespaceID", "is not formatted", "InconsistentFSState"),
            *("Failed to load FSImage", "Failed to load an FSImage", "IncorrectVersionException"),
        ),
        "Its data in data/namenode or data/datanode is damaged, or of another cluster. Put back copies of both; "
        f"{_RECOVERY}",
    ),
)


def remedy(server: str, log: str) -> str | None:
    """What to do about data or keys that a server refuses, by the key of the server; None: it says nothing of them."""
    known = (one for one in _KNOWN if one.server == server)
    return next((one.advice for one in known if re.search("|".join(map(re.escape, one.words)), log)), None)
