"""The memory that is left: in a container it is not the machine's."""

from __future__ import annotations

from pathlib import Path

import psutil

from ecom_platform.local.memory import available_bytes, room_in_cgroups

GB = 1024**3


def group(folder: Path, **files: str) -> None:
    """A control group; `memory_max` is the file memory.max."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(content)


def own(folder: Path, *lines: str) -> Path:
    """What the kernel says of a process."""
    file = folder / "cgroup"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    """Docker on today's systems: it sees its group as the root; pages of files that were read once are no use of it."""
    usage = {"memory_current": f"{3 * GB}\n", "memory_stat": f"anon 1\ninactive_file {GB}\nfile 2\n"}
    group(tmp_path, memory_max=f"{4 * GB}\n", **usage)

    assert room_in_cgroups(own(tmp_path, "0::/"), tmp_path) == [2 * GB]


def test_a_group_within_a_limited_one_has_no_more_than_that(tmp_path: Path) -> None:
    """A unit of systemd in a slice; the nearer one allows everything."""
    usage = {"memory_current": "0", "memory_stat": ""}
    group(tmp_path / "user.slice", memory_max=f"{2 * GB}", **usage)
    group(tmp_path / "user.slice" / "shell.scope", memory_max="max", **usage)

    assert room_in_cgroups(own(tmp_path, "0::/user.slice/shell.scope"), tmp_path) == [2 * GB]


def test_older_systems_tell_it_in_other_files(tmp_path: Path) -> None:
    """And call the group by a path that is not seen from within the container; other controllers have no say."""
    usage = {"memory_usage_in_bytes": f"{GB}", "memory_stat": f"inactive_file 7\ntotal_inactive_file {GB // 2}\n"}
    group(tmp_path / "memory", memory_limit_in_bytes=f"{2 * GB}", **usage)
    file = own(tmp_path, "4:memory:/docker/1234", "3:cpuset:/", "0::/")

    assert room_in_cgroups(file, tmp_path) == [2 * GB - GB // 2]


def test_without_control_groups_it_is_the_machines(tmp_path: Path) -> None:
    """On macOS, say."""
    assert room_in_cgroups(tmp_path / "nothing", tmp_path) == []


def test_it_is_never_more_than_the_machine_has() -> None:
    """Read here and now."""
    assert 0 < available_bytes() <= psutil.virtual_memory().total
