"""The supervised child: one process group that is asked to end, then made to."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ecom_platform.files import text_since
from ecom_platform.streaming.exits import error_said


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
            _kill_group(self.process.pid)
        return code

    def stop(self, grace_seconds: float) -> int:
        """As `end_group`."""
        return end_group(self.process, grace_seconds)

    def last_lines(self, count: int = 200) -> Sequence[str]:
        """The end of the child's log file."""
        return last_lines(self.log_file, count)


def end_group(process: subprocess.Popen[bytes], grace_seconds: float = 20.0) -> int:
    """SIGTERM to the leader of a group, SIGKILL to the group after the grace; the exit code of the leader.

    Only the leader is asked: it lets the batch in flight finish, which a JVM and Python workers that were told to end
    at the same time would break off.
    """
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    # Also when the leader ended by itself: its JVM or Python workers may not have.
    _kill_group(process.pid)
    return process.wait()


def _kill_group(leader_pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader_pid, signal.SIGKILL)


def last_lines(file: Path, count: int, window_bytes: int = 64_000) -> Sequence[str]:
    """The last lines of a log file that may be large; empty when there is none."""
    return text_since(file, 0, window_bytes).splitlines()[-count:]


def last_words(lines: Sequence[str]) -> str:
    """Why a child ended, in its own words: the text of its error, else its last line; empty when it said nothing."""
    if said := error_said(lines):
        return said[1]
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
