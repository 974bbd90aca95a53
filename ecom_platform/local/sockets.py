"""The process manager's socket: the kernel takes only a short path, and a home may be deep."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from ecom_platform.errors import ConfigurationError
from ecom_platform.local.instance import Instance

LINUX = sys.platform == "linux"
MOST_BYTES = 103  # macOS takes 104 with the zero at the end, Linux 108
OWN_FOLDER = Path("/proc/self/cwd")  # the home by a short name: the manager makes relative paths absolute


def listening_path(instance: Instance, *, linux: bool = LINUX) -> Path:
    """Where the manager, which runs in the home, listens.

    Raises:
        ConfigurationError: the home is too deep for a system that knows no shorter name of it.
    """
    if linux:
        return OWN_FOLDER / instance.socket.relative_to(instance.home)
    if len(os.fsencode(instance.socket)) > MOST_BYTES:
        raise ConfigurationError(
            f"{instance.home} is too deep for the socket of the process manager: {instance.socket} has more than "
            f"{MOST_BYTES} bytes. Nothing was started. Set ECOM_HOME to a folder with a shorter name."
        )
    return instance.socket


def connect(sock: socket.socket, path: Path, *, linux: bool = LINUX) -> None:
    """Connect to a socket by its path. Raises OSError."""
    if not linux:
        sock.connect(str(path))
        return
    folder = os.open(path.parent, os.O_PATH)
    try:
        sock.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
