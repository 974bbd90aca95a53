"""What a simulator remembers between runs: `ECOM_HOME/simulator/state.msgpack`, and a journal of what came after it.

A snapshot is taken only when Kafka has answered for everything before it. The journal counts, before each batch is
sent, how many messages of which part follow; the messages are a pure function of the snapshot, so a simulator that was
killed makes exactly the same ones again. No order number is ever given to another order.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO, Self

import msgspec
from msgspec import Struct, field

from ecom_platform.errors import ConfigurationError, UsageError
from ecom_platform.files import write_atomically
from ecom_platform.simulator.ledger import LedgerPosition
from ecom_platform.simulator.shop import ShopState

_STATE_FILE = "state.msgpack"
_VERSION = 1


class BacklogState(Struct):
    """A part of the shop that still has a past to write, up to a minute."""

    shop: ShopState
    start_minute: int
    end_minute: int


class HomeState(Struct):
    """All parts of the shop of one home.

    `ledger` is where the ledger stood, `next_substream` numbers parts, `journal` names the journal in force.
    """

    seed: int
    live: ShopState
    ledger: LedgerPosition
    backlog: list[BacklogState] = []
    next_substream: int = field(default=1, name="next_stream")  # as homes have stored it
    journal: int = 0
    version: int = _VERSION


class StateStore:
    """The simulator's folder, held by one process at a time; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise UsageError(
                f"Another simulator works in {self._folder}; nothing was started. Wait for it, stop the demo, or set "
                "ECOM_HOME to another folder."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        for opened in (self._journal, self._lock):
            if opened:
                opened.close()

    def load(self) -> HomeState | None:
        """Return the last snapshot, None in a fresh home.

        Raises:
            ConfigurationError: the file is damaged or was written by another version.
        """
        file = self._folder / _STATE_FILE
        try:
            state = msgspec.msgpack.decode(file.read_bytes(), type=HomeState)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"{file} cannot be read ({error}). `ecom reset --yes` starts afresh.") from error
        if state.version != _VERSION:
            raise ConfigurationError(f"{file} has version {state.version}, not {_VERSION}. `ecom reset --yes` helps.")
        return state

    def save(self, state: HomeState) -> None:
        """Replace the snapshot and begin a new, empty journal; everything sent before is answered for."""
        state.journal += 1
        opened = self._journal_file(state.journal).open("wb")
        write_atomically(self._folder / _STATE_FILE, msgspec.msgpack.encode(state))
        if self._journal:
            self._journal.close()
        self._journal = opened
        for old in self._folder.glob("journal-*"):
            if old != self._journal_file(state.journal):
                old.unlink()

    def note(self, substream: int, messages: int) -> None:
        """Record that the next `messages` messages of part `substream` are about to be sent."""
        if self._journal is None:
            raise RuntimeError("a snapshot must be saved before anything is sent")
        self._journal.write(b"%d %d\n" % (substream, messages))
        self._journal.flush()

    def sent_since(self, state: HomeState) -> list[tuple[int, int]]:
        """Return what was about to be sent after the snapshot: (part, messages), in order."""
        try:
            lines = self._journal_file(state.journal).read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        pairs = (line.split() for line in lines)
        return [(int(substream), int(messages)) for substream, messages in pairs]

    def _journal_file(self, number: int) -> Path:
        return self._folder / f"journal-{number}"
