"""Talk to the process manager (supervisord) of one instance over its Unix socket."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil

from ecom_platform.errors import UnavailableError
from ecom_platform.local import sockets
from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import environment
from ecom_platform.local.programs import Program, render

ANSWER_SECONDS = 5.0
# The manager notices the end of a program once a second, or with the next call.
POLL_SECONDS = 0.05
FAULT_NOT_RUNNING = 70
FAULT_ALREADY_STARTED = 60


@dataclass(frozen=True)
class ProgramState:
    """What the process manager says about a program; `state` is its word: RUNNING, STOPPED, BACKOFF, FATAL, ..."""

    name: str
    state: str
    pid: int | None

    @property
    def alive(self) -> bool:
        """It runs, or will run again by itself, or is about to end."""
        return self.state in ("STARTING", "RUNNING", "BACKOFF", "STOPPING")

    @property
    def failed(self) -> bool:
        """It died right after it was started."""
        return self.state in ("BACKOFF", "FATAL")


class Supervisord:
    """The process manager of one instance, running or not."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._call("getState"))
        except UnavailableError:
            return False

    def pid(self) -> int:
        """Its process number. Raises UnavailableError when it does not answer."""
        return cast(int, self._call("getPID"))

    def apply(self, programs: Sequence[Program]) -> None:
        """Make these the known programs: start the manager if need be, drop and stop others, reload changed ones."""
        config = self.instance.run / "supervisord.conf"
        config.write_text(render(self.instance, programs))
        if not self.alive():
            self._start(config)
            return
        added, changed, removed = cast(list[list[list[str]]], self._call("reloadConfig"))[0]
        for name in [*removed, *changed]:
            self._call("stopProcessGroup", name, seconds=60)
            self._call("removeProcessGroup", name)
        for name in [*changed, *added]:
            self._call("addProcessGroup", name)

    def start(self, name: str) -> None:
        """Start a program; nothing happens when it runs."""
        self._call("startProcess", name, False, ignore=FAULT_ALREADY_STARTED)

    def stop(self, name: str, seconds: float = 60) -> None:
        """Stop a program and wait for its end; nothing happens when it does not run."""
        self._call("stopProcess", name, seconds=seconds, ignore=FAULT_NOT_RUNNING)

    def ask_to_stop(self, names: Iterable[str]) -> None:
        """Tell programs to end, all at once; nothing happens to those that do not run."""
        for name in names:
            self._call("stopProcess", name, False, ignore=FAULT_NOT_RUNNING)

    def await_stopped(self, names: Collection[str], seconds: float = 60) -> None:
        """Wait until programs that were told to have ended; each is killed after its own `stop_seconds`.

        Raises:
            UnavailableError: some live on after `seconds`, or the manager does not answer.
        """
        deadline = time.monotonic() + seconds
        while left := [name for name, state in self.states().items() if name in names and state.alive]:
            if time.monotonic() > deadline:
                raise UnavailableError(f"{', '.join(left)} did not end within {seconds:.0f} seconds.")
            time.sleep(POLL_SECONDS)

    def states(self) -> dict[str, ProgramState]:
        """Every known program. Raises UnavailableError when the manager does not answer."""
        found = cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
        return {row["name"]: ProgramState(row["name"], row["statename"], row["pid"] or None) for row in found}

    def shutdown(self, seconds: float = 60) -> None:
        """Stop every program, then the manager; returns when it has gone, or after `seconds`."""
        try:
            manager = psutil.Process(self.pid())
            self._call("shutdown")
            psutil.wait_procs([manager], timeout=seconds)
        except (UnavailableError, psutil.NoSuchProcess):
            return  # what is left of it is found by its environment

    def _start(self, config: Path) -> None:
        self.instance.socket.unlink(missing_ok=True)  # a killed manager leaves it behind
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", config.relative_to(self.instance.home)],
            cwd=self.instance.home,
            env=environment(self.instance),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        deadline = time.monotonic() + 10
        while not self.alive():
            if started.returncode != 0 or time.monotonic() > deadline:
                raise UnavailableError(
                    f"The process manager did not start ({(started.stderr or started.stdout).strip()[-300:]}). "
                    f"Nothing was started. See {self.instance.logs}/supervisord.log, then run `ecom doctor`."
                )
            time.sleep(0.05)

    def _call(self, method: str, *arguments: object, seconds: float = ANSWER_SECONDS, ignore: int | None = None) -> Any:
        transport = _UnixTransport(self.instance.socket, seconds)
        with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport) as proxy:
            try:
                return getattr(proxy.supervisor, method)(*arguments)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode == ignore:
                    return None
                raise UnavailableError(
                    f"The process manager refused {method} {arguments} ({fault.faultString}). "
                    "Run `ecom down`, then `ecom up`."
                ) from fault
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise UnavailableError(
                    f"The process manager of {self.instance.home} does not answer ({error}). Run `ecom down`."
                ) from error


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        sockets.connect(self.sock, self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self._path, self._seconds = path, seconds

    def make_connection(self, host: Any) -> _UnixConnection:
        connection = _UnixConnection(self._path, self._seconds)
        self._connection = host, connection  # where the base class looks for what it closes
        return connection
