"""How much memory is left to this process: by the machine, and by the container that it is in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
# The limit, what is used of it, and what of that are files that the kernel drops when it needs the room.
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def available_bytes() -> int:
    """What programs that are started now can have."""
    machine = psutil.virtual_memory().available
    return min([machine, *room_in_cgroups(_OWN, _CGROUPS)])


def room_in_cgroups(own: Path, mounted: Path) -> list[int]:
    """What each limited control group around this process has left, of the first and the second version.

    Args:
        own: names the groups, as /proc/self/cgroup does.
        mounted: where the groups are. In a container its own is there as the root, under any name in `own`.
    """
    return [room for folder, names in _groups(own, mounted) if (room := _room(folder, *names)) is not None]


def _groups(own: Path, mounted: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    try:
        lines = own.read_text().splitlines()
    except OSError:  # another system
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, names = (mounted / "memory", _V1) if controllers else (mounted, _V2)
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield folder, names


def _room(folder: Path, limit: str, usage: str, droppable: str) -> int | None:
    """None where there is no limit; a missing file is a group that is not seen from here."""
    try:
        most = (folder / limit).read_text().strip()
        if most == "max":
            return None
        used = int((folder / usage).read_text())
        dropped = re.search(rf"^{droppable} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
    except OSError:
        return None
    return max(0, int(most) - used + (int(dropped[1]) if dropped else 0))
