"""The stream as a process: how it is started, and what its exit code means.

It is `python -m …`, never `spark-submit`: the JVM then is a child of the Python driver and dies with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ecom_platform.environment import inherited
from ecom_platform.settings import Settings, variables
from ecom_platform.streaming.skips import Skip
from ecom_platform.streaming.starts import STARTING

_PR_SET_PDEATHSIG = 1
# Elsewhere the stream looks by itself whether its parent is there, once a second.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class StreamCommand:
    """What the stream is told.

    Attributes:
        token: fence token of the lease its launcher holds.
        available_now: apply what is in the topic and end.
        accept_loss: go on although Kafka deleted events that were never applied.
        accept_dead: go on although too many of the last events were dead.
        skips: go on without offsets that cannot be read.
    """

    token: int
    available_now: bool = False
    accept_loss: bool = False
    accept_dead: bool = False
    skips: tuple[Skip, ...] = ()

    def argv(self) -> list[str]:
        """Return the command line.

        The process ends with 0 (done, or told to stop), 3 (configuration), 4 (a server does not answer), 5 (fenced),
        6 (a person must decide); anything else is a crash.
        """
        flags = {
            "--available-now": self.available_now,
            "--accept-loss": self.accept_loss,
            "--accept-dead": self.accept_dead,
        }
        given = [flag for flag, on in flags.items() if on]
        given += [f"--skip={skip}" for skip in self.skips]
        return [sys.executable, "-m", "ecom_platform.streaming.spark_stream", "--token", str(self.token), *given]


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a child that shall read exactly these settings."""
    return {**inherited(os.environ), **variables(settings, Settings.model_fields)}


def start_stream(settings: Settings, command: StreamCommand, log_file: Path) -> subprocess.Popen[bytes]:
    """Start the stream in a process group of its own; it ends when this process does.

    Must be called from a thread that lives as long as the stream shall: the kernel's death signal is bound to it.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("a", encoding="utf-8") as log:
        log.write(f"{STARTING} token={command.token}\n")
    return spawn(command.argv(), environment(settings), log_file)


def spawn(argv: list[str], env: dict[str, str], log_file: Path) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own that gets SIGTERM when this process dies."""
    parent = os.getpid()

    def die_with_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # died before the call: the signal would never come
            os._exit(1)

    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        return subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it takes no lock: two system calls
        )
