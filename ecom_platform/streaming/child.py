"""The supervised child: one process group that is asked to end, then made to."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

__all__ = ["Child", "ProcessGroup", "last_lines", "last_words"]

# The streaming job's last line of its own; Spark may log more behind it.
ENDED: Final = "stream_ended error="


class Child(Protocol):
    """What the supervisor needs of a running child."""

    @property
    def pid(self) -> int:
        """Process id, for people."""

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""

    def stop(self, grace_seconds: float) -> int:
        """End it and everything it started; the exit code."""

    def last_lines(self, count: int = 200) -> Sequence[str]:
        """The end of its log."""


@dataclass(slots=True)
class ProcessGroup:
    """A child that leads its own process group."""

    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def pid(self) -> int:
        """Process id of the leader; also the group's id."""
        return self.process.pid

    def poll(self) -> int | None:
        """Exit code of the leader, or None while it runs; what a dead leader left behind is killed."""
        code = self.process.poll()
        if code is not None:
            self._signal(signal.SIGKILL)
        return code

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM to the leader, SIGKILL to the group after the grace; the exit code of the leader.

        Only the leader is asked: it lets the batch in flight finish, which a JVM and Python workers that were told to
        end at the same time would break off.
        """
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        # Also when the leader ended by itself: its JVM or Python workers may not have.
        self._signal(signal.SIGKILL)
        return self.process.wait()

    def last_lines(self, count: int = 200) -> Sequence[str]:
        """The end of the child's log file."""
        return last_lines(self.log_file, count)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


def last_lines(file: Path, count: int, window_bytes: int = 64_000) -> Sequence[str]:
    """The last lines of a log file that may be large; empty when there is none."""
    try:
        with file.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - window_bytes))
            return log.read().decode("utf-8", "replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def last_words(lines: Sequence[str]) -> str:
    """Why a child ended, in its own words: the text of its error, else its last line; empty when it said nothing."""
    for line in reversed(lines):
        if ENDED in line:
            return line.partition(" text=")[2].strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
