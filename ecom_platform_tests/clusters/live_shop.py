"""`ecom demo` on servers that are named: history, live orders, the stream under Dagster, reconciled at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import open_database, read_loading
from ecom_platform_tests.clusters.programs import seconds_until
from ecom_platform_tests.conftest import FREE_PORTS

START_SECONDS = 600.0
AGAIN_SECONDS = 240.0
COMMAND_SECONDS = 600.0
END_SECONDS = 900.0


class LiveShop:
    """One demo, as its own process; the settings are those of `.env` in its folder. A context manager."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, for_seconds: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        ports = {f"ECOM_{name.upper()}": str(port) for name, port in FREE_PORTS.items()}
        lines = [f"{name}={value}\n" for name, value in {**ports, **settings}.items()]
        (folder / ".env").write_text("".join(lines))
        self._said = folder / "said.log"
        argv = [sys.executable, "-m", "ecom_platform.cli", "demo", "--for", str(for_seconds), "--no-browser"]
        with self._said.open("w") as said:
            self._demo = subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True)

    @property
    def settings(self) -> Settings:
        """Those by which a test looks at the servers."""
        return Settings(_env_file=self.folder / ".env", home=self.folder / ".ecom", **self._recorded())

    def _recorded(self) -> dict[str, Any]:
        endpoints = json.loads((self.folder / ".ecom" / "endpoints.json").read_text())
        return {name: value for name, value in endpoints.items() if name in Settings.model_fields}

    def said(self) -> str:
        """Every line of progress so far."""
        return self._said.read_text()

    def await_live(self) -> None:
        """Wait until everything is up and live orders are applied; history may still be loading."""
        seconds_until("everything is live", lambda: self._lives("Everything is live"), START_SECONDS)

    def _lives(self, line: str) -> bool:
        assert self._demo.poll() is None, self.said()[-4000:]
        return line in self.said()

    def await_loaded(self) -> None:
        """Wait until two days of history are there: only then is there something to archive."""
        with open_database(self.settings) as db:
            seconds_until("the history is loaded", lambda: read_loading(db) is None, START_SECONDS)

    def newest_order(self) -> datetime:
        """When the newest applied order was placed."""
        with open_database(self.settings) as db:
            newest = db["orders"].find_one(sort=[("order_time", -1)], projection={"order_time": 1})
        return newest["order_time"] if newest else datetime.fromtimestamp(0, UTC)

    def await_live_again(self) -> float:
        """Wait until an order that is placed from now on is applied; the seconds that took.

        An order placed in the second before may be applied although what was broken still is.
        """
        fault, started = datetime.now(UTC) + timedelta(seconds=1), time.monotonic()
        seconds_until("orders are applied again", lambda: self._applied_since(fault), AGAIN_SECONDS)
        return time.monotonic() - started

    def _applied_since(self, fault: datetime) -> bool:
        assert self._demo.poll() is None, self.said()[-4000:]
        try:
            return self.newest_order() > fault
        except UnavailableError:
            return False

    def ecom(self, *arguments: str) -> str:
        """What a command says on these servers; it must succeed."""
        argv = [sys.executable, "-m", "ecom_platform.cli", *arguments]
        done = subprocess.run(
            argv, cwd=self.folder, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        assert done.returncode == 0, f"ecom {' '.join(arguments)}: {done.stderr[-3000:]}"
        return done.stdout

    def finish(self) -> dict[str, Any]:
        """Wait for the end of the demo, which drains the stream and reconciles; its verdict."""
        said, _ = self._demo.communicate(timeout=END_SECONDS)
        assert self._demo.returncode == 0, self.said()[-4000:]
        verdict: dict[str, Any] = json.loads(said.splitlines()[-1])
        return verdict

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the demo as Ctrl-C does, if it still runs."""
        if self._demo.poll() is None:
            self._demo.terminate()
            self._demo.wait(120)
