"""The archiver's role: held by one process at a time, renewed while it works, and given back at its end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from hdfs_native import Client

from ecom_platform.archive.files import demand_hdfs
from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.leases import ARCHIVER_ROLE, Lease

TTL_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 5.0

Progress = Callable[[str, int, int], None]
"""Called with a step of `run.STEPS`, what of it is done, and how much there is to do; the last call has both equal."""


def no_progress(step: str, done: int, total: int) -> None:
    """No progress is reported."""
    del step, done, total


@dataclass(frozen=True)
class Archiver:
    """What the steps of a run work with: its `token` is in every name and every move they make."""

    settings: Settings
    db: MongoDatabase
    hdfs: Client
    lease: Lease
    lost: threading.Event
    progress: Progress

    @property
    def token(self) -> int:
        """What tells this archiver from those before it."""
        return self.lease.token

    def say(self, step: str, done: int = 1, total: int = 1) -> None:
        """Report progress. Raises Fenced when the role was lost meanwhile."""
        if self.lost.is_set():
            raise Fenced(
                "Another archiver took over. This one stopped; what it had done so far stays valid, and the other one "
                "finishes it. `ecom status` shows what runs."
            )
        self.progress(step, done, total)


@contextmanager
def held_archiver(
    settings: Settings,
    db: MongoDatabase,
    *,
    owner: str = "ecom archive",
    run_id: str | None = None,
    progress: Progress = no_progress,
) -> Iterator[Archiver]:
    """Hold the archiver's role while the block runs.

    Args:
        owner: who works, for those who find the role taken.
        run_id: of Dagster, if it is one.

    Raises:
        Fenced: another archiver works; the text says who.
        UnavailableError: MongoDB or HDFS do not answer, or HDFS is in safe mode.
        ConfigurationError: no HDFS is known.
    """
    lease = Lease.acquire(
        db, ARCHIVER_ROLE, f"{owner} on {socket.gethostname()}", run_id=run_id, ttl_seconds=TTL_SECONDS
    )
    lost, ended = threading.Event(), threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, lost, ended), name="archiver-lease", daemon=True)
    renewing.start()
    try:
        yield Archiver(settings, db, demand_hdfs(settings), lease, lost, progress)
    except UnavailableError:
        # What a successor tidies away looks like damage to the one it took over from.
        lease.keep()
        raise
    finally:
        ended.set()
        renewing.join()
        # Else it expires by itself, and a successor on this machine sees that this process is gone.
        with suppress(UnavailableError):
            lease.release()


def _renew(lease: Lease, lost: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            lease.keep()
        except Fenced:
            lost.set()
            return
