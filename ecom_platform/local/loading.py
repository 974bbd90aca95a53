"""How far a simulator's history is, told to the store: the simulator itself knows nothing of it.

The demo's live simulator and `ecom simulate` are given this writer.
"""

from __future__ import annotations

import logging
import threading
from typing import Self

from ecom_platform.contract.times import from_milliseconds
from ecom_platform.credentials import Role
from ecom_platform.errors import EcomError
from ecom_platform.settings import Settings
from ecom_platform.simulator.history import LoadState
from ecom_platform.store import Loading, MongoDatabase, database, write_loading

CONNECT_SECONDS = 3.0

_log = logging.getLogger(__name__)


class StoreReport:
    """Writes the latest state into the store, in a thread: a slow MongoDB holds no order back. A context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._latest: LoadState | None = None
        self._told = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="loading", daemon=True)

    def __call__(self, state: LoadState) -> None:
        """Take the state; the one before it is not written if it was not yet."""
        self._latest = state
        self._told.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The last state is still written: that a history is there is said at once.
        self._ending = True
        self._told.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        db: MongoDatabase | None = None
        trouble, ending = "", False
        while not ending:
            self._told.wait()
            self._told.clear()
            ending, state = self._ending, self._latest
            if state is None:
                continue
            try:
                db = db if db is not None else database(self._settings, timeout_seconds=CONNECT_SECONDS)
                _write(db, state)
                trouble = ""
            except EcomError as error:
                # The word expires meanwhile, which is right: no reader gets a figure either.
                if trouble != str(error):
                    trouble = str(error)
                    _log.warning("the store is not told how far the history is: %s", error)
        if db is not None:
            db.client.close()


def _write(db: MongoDatabase, state: LoadState) -> None:
    known_from = None if state.known_from_ms is None else from_milliseconds(state.known_from_ms)
    loading = None if known_from is None else Loading(state.share, known_from)
    write_loading(db, Role.SIMULATOR, loading, state.first_order_id)
