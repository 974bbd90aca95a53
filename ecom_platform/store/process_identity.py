"""Which process holds something, told apart from a later process with the same number."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

LINUX = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process of this machine since its boot.

    `process_started` is in clock ticks since the boot (elsewhere than on Linux: microseconds since 1970). `boot_id`
    names the boot and the process-number space within it, because containers of one machine share the boot but not the
    numbers.
    """

    pid: int
    process_started: int
    boot_id: str

    def is_gone(self) -> bool:
        """True when this process certainly no longer runs; False also when it belongs to another machine or boot."""
        return self.boot_id == _boot_id() and identify(self.pid) != self


def identify(pid: int | None = None) -> ProcessIdentity | None:
    """The identity of a process of this machine, by default of this one; None when there is none or it is a zombie."""
    pid = os.getpid() if pid is None else pid
    started = _started_on_linux(pid) if LINUX else started_anywhere(pid)
    return None if started is None else ProcessIdentity(pid, started, _boot_id())


def started_anywhere(pid: int) -> int | None:
    """When a process was started, in microseconds since 1970: where the kernel notes that once, as macOS does."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time() * 1_000_000)
    except psutil.NoSuchProcess:
        return None


def _started_on_linux(pid: int) -> int | None:
    """In clock ticks since the boot: times of day there follow a clock that can be set."""
    try:
        # The command name is in brackets and may contain blanks and brackets itself.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _boot_id() -> str:
    if not LINUX:
        return boot_session()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"


@cache
def boot_session(name: str = "kern.bootsessionuuid") -> str:
    """The boot as macOS names it."""
    return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=True).stdout.strip()
