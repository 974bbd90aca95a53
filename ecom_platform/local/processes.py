"""The processes of one instance, found by what they carry, not by a file of process ids.

Everything that `ecom up` starts has ECOM_INSTANCE=<home> in its environment, and so has everything that those
processes start. A process list made from that cannot be stale: a reboot, a crash or a reused process number leaves
nothing behind that carries it, and a child that outlived its killed parent is still found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import psutil

from ecom_platform.environment import inherited
from ecom_platform.local.instance import Instance
from ecom_platform.settings import given_variables

MARKER = "ECOM_INSTANCE"


def environment(instance: Instance) -> dict[str, str]:
    """The environment to start a process of the instance with: nothing in it is meant for other programs.

    Raises:
        ConfigurationError: a setting in it cannot be used.
    """
    given = {**inherited(os.environ), **given_variables()}
    return {**given, "TMPDIR": str(instance.temporary), MARKER: instance.marker}


def processes(instance: Instance) -> list[psutil.Process]:
    """The live processes of the instance; this process and its ancestors are never among them."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in _carriers(instance.marker) if process.pid not in own]


def end(found: Sequence[psutil.Process], grace_seconds: float = 20.0) -> None:
    """Ask the processes to stop, then kill those that have not after `grace_seconds`."""
    for process in found:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(found, timeout=grace_seconds)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=10)


def _carriers(marker: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue  # ended meanwhile, or of another user


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
            process.resume()  # a stopped process does not see SIGTERM before it goes on
    except psutil.Error:
        return  # already gone: what was wanted
