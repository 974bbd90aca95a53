"""Which process holds something, told apart from a later process with the same number."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessIdentity", "identify"]


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process of this machine since its boot.

    `process_started` is in clock ticks since the boot. `boot_id` names the boot and the process-number space within
    it, because containers of one machine share the boot but not the numbers.
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
    try:
        # The command name is in brackets and may contain blanks and brackets itself.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, started = fields[0], int(fields[19])
    return None if state in "ZX" else ProcessIdentity(pid, started, _boot_id())


def _boot_id() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
