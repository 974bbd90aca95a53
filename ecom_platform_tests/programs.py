"""What tests that start programs share: ports for them, and waiting for what they are sure to do."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import psutil

LOOPBACK = {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def free_ports(count: int) -> list[int]:
    """Ports without a listener at this moment."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


def listening(processes: Iterable[psutil.Process]) -> set[str]:
    """The addresses that they listen on."""
    found = [one for process in processes for one in process.net_connections("inet")]
    return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}


def until(what: str, found: Callable[[], Any], seconds: float = 90.0, pause: float = 0.2) -> Any:
    """The first true value of `found`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
    return value
