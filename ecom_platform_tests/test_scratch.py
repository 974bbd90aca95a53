"""Temporary files are in the home, and go when nobody needs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecom_platform.scratch import clear, own_folder

HOLD = """\
import pathlib, sys
from ecom_platform.scratch import own_folder
print(own_folder(pathlib.Path(sys.argv[1])), flush=True)
input()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process, and the folder it has."""
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_live_process_keeps_its_folder_and_a_killed_one_leaves_none(
    tmp_path: Path, other: tuple[subprocess.Popen[str], Path]
) -> None:
    """Whoever comes next sweeps up; nobody has to end in order."""
    process, folder = other
    (folder / "liblz4-java-1.so").write_bytes(b"unpacked")

    own_folder(tmp_path)
    clear(tmp_path)
    assert (folder / "liblz4-java-1.so").exists()

    process.kill()
    process.wait()
    mine = own_folder(tmp_path)
    assert not folder.exists()
    assert mine.exists()


def test_the_folders_of_the_servers_are_emptied(tmp_path: Path) -> None:
    """Files, folders and links in it; what a link leads to is nobody's temporary file."""
    kept = tmp_path / "kept"
    kept.mkdir()
    parent = tmp_path / "tmp"
    mine = own_folder(parent)
    (parent / "kafka").mkdir()
    (parent / "kafka" / "libzstd.so").write_bytes(b"unpacked")
    (parent / "file").touch()
    (parent / "link").symlink_to(kept)

    clear(parent)

    assert {entry.name for entry in parent.iterdir()} == {"lock", mine.name}
    assert kept.exists()
