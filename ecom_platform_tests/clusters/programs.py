"""The programs of a cluster on this machine: started with a log each, killed and started again by name."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

from ecom_platform_tests.programs import until

END_SECONDS = 20.0
READY_SECONDS = 180.0


class Programs:
    """What one cluster runs; `end` kills all of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, argv: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        """Start a program; without a command the one that was started under this name before."""
        if argv:
            self._commands[name] = (argv, environment or {})
        command, more = self._commands[name]
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, cwd=self.folder, env={**os.environ, **more}, stdout=log, stderr=log, start_new_session=True
            )

    def run(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
        """Run a program to its end and return what it said."""
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done.stdout

    def kill(self, name: str) -> None:
        """Kill a program and all that it started, without a warning."""
        program = self._running.pop(name)
        os.killpg(program.pid, signal.SIGKILL)
        program.wait(END_SECONDS)

    def alive(self, name: str) -> bool:
        """Whether a program was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def log(self, name: str) -> Path:
        """Where a program writes."""
        return self.folder / f"{name}.log"

    def await_ready(self, what: str, ready: Callable[[], bool]) -> float:
        """Wait until something is so; the seconds that took."""
        return seconds_until(f"{what} in {self.folder}", ready, READY_SECONDS)

    def end(self) -> None:
        """Kill what still runs."""
        for name in list(self._running):
            if self.alive(name):
                self.kill(name)


class Cluster(Protocol):
    """Servers of one kind that are started together."""

    programs: Programs

    def start(self) -> None:
        """Start all of it, and wait until it can be used."""


C = TypeVar("C", bound=Cluster)


def running(cluster: C) -> Iterator[C]:
    """The cluster, started; at the end nothing of it runs."""
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.programs.end()


def seconds_until(what: str, found: Callable[[], bool], seconds: float) -> float:
    """Wait until something is so; the seconds that took."""
    started = time.monotonic()
    until(what, found, seconds)
    return time.monotonic() - started


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0
