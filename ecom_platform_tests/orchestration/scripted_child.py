"""A stand-in for the streaming *program* (never for a server): holds a file lock, reports progress, exits on demand.

The lock is the witness of the promise "never two streams": a second child that finds it taken writes `overlap`.
Arguments: folder, fence token, `run` or `drain`. A file `exit` in the folder with a number ends it with that code.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ecom_platform.credentials import Role
from ecom_platform.settings import load_settings
from ecom_platform.store.client import database


def main() -> int:
    """Live until told otherwise."""
    folder, token, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        (folder / "overlap").write_text(f"{os.getpid()} with token {token}")
        return 1
    with (folder / "children").open("a") as children:
        children.write(f"{os.getpid()} {token} {mode}\n")
    print(f"child {os.getpid()} with token {token}", flush=True)
    exit_file = folder / "exit"
    db = database(load_settings(role=Role.STREAM))
    reported = 0.0
    while not exit_file.exists():
        if time.monotonic() - reported >= 1.0:
            reported = time.monotonic()
            progress = {
                "topic": "orders",
                "partition": 0,
                "next": 5,
                "end": 7,
                "lag": 2,
                "batch_id": 1,
                "batch_events": 5,
                "batch_seconds": 0.25,
                "last_record_at": datetime.now(UTC),
                "updated_at": datetime.now(UTC),
            }
            db["progress"].replace_one({"_id": "orders-0"}, progress, upsert=True)
        time.sleep(0.05)
    code = int(exit_file.read_text())
    exit_file.unlink()
    print(f"told to end with {code}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
