"""`python -m ecom_platform.local.shop`: the live simulator as a program, which tells the store how far history is.

The simulator itself knows nothing of the store; here the two meet.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from typing import Self

from ecom_platform.contract.times import from_milliseconds
from ecom_platform.credentials import Role
from ecom_platform.errors import EcomError
from ecom_platform.settings import Settings, load_settings
from ecom_platform.simulator.history import LoadState
from ecom_platform.simulator.serve import serve
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
        self._ending = True
        self._told.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        db: MongoDatabase | None = None
        trouble = ""
        while self._told.wait() and not self._ending:
            self._told.clear()
            try:
                db = db if db is not None else database(self._settings, timeout_seconds=CONNECT_SECONDS)
                _write(db, self._latest)
                trouble = ""
            except EcomError as error:
                # The word expires meanwhile, which is right: no reader gets a figure either.
                if trouble != str(error):
                    trouble = str(error)
                    _log.warning("the store is not told how far the history is: %s", error)
        if db is not None:
            db.client.close()


def _write(db: MongoDatabase, state: LoadState | None) -> None:
    if state is not None:
        known_from = None if state.known_from_ms is None else from_milliseconds(state.known_from_ms)
        loading = None if known_from is None else Loading(state.share, known_from)
        write_loading(db, Role.SIMULATOR, loading, state.first_order_id)


def main(arguments: list[str] | None = None) -> int:
    """Run the live simulator until SIGTERM; return the exit code of the error that ended it, else 0."""
    parser = argparse.ArgumentParser(prog="python -m ecom_platform.local.shop", description=__doc__)
    parser.add_argument("--history-days", type=float, default=2.0, help="days of history of a fresh shop (default: 2)")
    parser.add_argument("--seed", type=int, default=None, help="seed of a fresh shop")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(role=Role.SIMULATOR)
        with StoreReport(settings) as report:
            serve(settings, report, history_days=options.history_days, seed=options.seed)
    except EcomError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
