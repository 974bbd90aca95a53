"""What set-up cannot bring, asked before it downloads anything. Standard library only."""

from __future__ import annotations

import ctypes
import os
import pwd
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecom_platform.errors import ConfigurationError
from ecom_platform.runtime.java import find_java

NEEDED_DISK_BYTES = 3 * 1024**3
OLDEST_GLIBC = (2, 34)  # that of the mongod that is installed; the Python packages are content with 2.28
LIBRARIES = ("libgcc_s.so.1", "libstdc++.so.6", "liblzma.so.5", "libz.so.1")
"""Of the system, and in every distribution's smallest installation: what the installed programs ask it for."""


@dataclass(frozen=True)
class Machine:
    """What was found.

    Attributes:
        linux: the questions about libraries are for Linux only.
        glibc: its version; None on a system with another C library.
        own_mongod: a mongod of the machine is used, so that the installed one need not run.
        missing_libraries: those of `LIBRARIES` that cannot be loaded.
        free_bytes: on the disk of this folder; None when an earlier set-up has taken its share already.
        user_trouble: why nothing can run as this user.
        java_trouble: why the Java that a person named cannot be used; empty when none is named, since one is installed.
    """

    linux: bool
    glibc: tuple[int, ...] | None
    own_mongod: bool
    missing_libraries: Sequence[str]
    free_bytes: int | None
    user_trouble: str = ""
    java_trouble: str = ""


def problems(machine: Machine) -> list[str]:
    """Everything that would keep the platform from running after it was installed, each with its remedy."""
    found = []
    if machine.linux and machine.glibc is None:
        found.append("The packages of ecom-platform need a Linux with glibc; this one has another C library (musl?).")
    elif machine.glibc is not None and machine.glibc < OLDEST_GLIBC and not machine.own_mongod:
        version, oldest = (".".join(map(str, numbers)) for numbers in (machine.glibc, OLDEST_GLIBC))
        found.append(
            f"mongod needs glibc {oldest} or newer (Debian 12, Ubuntu 22.04, Fedora 35, RHEL 9); this system has "
            f"{version}. Install a mongod of its own and name it with ECOM_MONGOD, or use a newer system."
        )
    if machine.missing_libraries:
        names = ", ".join(machine.missing_libraries)
        found.append(f"Libraries of the system are missing: {names}. Install the packages that hold them.")
    if machine.free_bytes is not None and machine.free_bytes < NEEDED_DISK_BYTES:
        free, needed = (size / 1024**3 for size in (machine.free_bytes, NEEDED_DISK_BYTES))
        found.append(f"About {needed:.0f} GB of disk are needed, and {free:.1f} GB are free here. Free some space.")
    found += filter(None, (machine.user_trouble, machine.java_trouble))
    return found


def look_at_it() -> Machine:
    """This machine."""
    named = os.environ.get("ECOM_JAVA_HOME", "")
    linux = sys.platform == "linux"
    return Machine(
        linux=linux,
        glibc=_glibc(),
        own_mongod=bool(os.environ.get("ECOM_MONGOD") or shutil.which("mongod")),
        missing_libraries=[name for name in LIBRARIES if linux and not _loads(name)],
        free_bytes=None if Path(".venv").exists() else shutil.disk_usage(Path.cwd()).free,
        user_trouble=trouble_with_user(os.geteuid()),
        java_trouble=_trouble_with(named) if named else "",
    )


def trouble_with_user(number: int) -> str:
    """Why HDFS and Spark cannot run as this user; empty when they can. They log in by its name, Kerberos or not."""
    try:
        pwd.getpwuid(number)
    except KeyError:
        return (
            f"The user {number} has no name here, and HDFS and Spark do not start without one. Run it as a user that "
            "/etc/passwd knows; in a container, add a line for this one to it."
        )
    return ""


def refuse_nameless_user() -> None:
    """Raise ConfigurationError where HDFS and Spark would die of the user that runs them."""
    if trouble := trouble_with_user(os.geteuid()):
        raise ConfigurationError(f"{trouble} Nothing was started.")


def _glibc() -> tuple[int, ...] | None:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return None
    found = re.fullmatch(r"glibc (\d+)\.(\d+).*", text)
    return None if found is None else (int(found[1]), int(found[2]))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _trouble_with(java_home: str) -> str:
    try:
        find_java(java_home)
    except ConfigurationError as error:
        return str(error)
    return ""


def main() -> int:
    """Say everything that is in the way; used by `make setup`."""
    found = problems(look_at_it())
    for problem in found:
        print(problem, file=sys.stderr)
    return ConfigurationError.exit_code if found else 0


if __name__ == "__main__":
    sys.exit(main())
