"""What a command says may have no reader, or no place: its work and its exit code are the same."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TALKS_AND_WORKS = """
import sys, pathlib
from ecom_platform.cli.streams import take_standard_streams
take_standard_streams()
for stream in (sys.stdout, sys.stderr):
    print("x" * 100_000, file=stream, flush=True)
    print("the rest", file=stream)
pathlib.Path("done").touch()
sys.exit(7)
"""


def pipe_without_a_reader() -> int:
    """`| head`, which has seen enough."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed_terminal() -> int:
    """Its window was closed."""
    terminal, ours = pty.openpty()
    os.close(terminal)
    return ours


@pytest.mark.parametrize("unread", [pipe_without_a_reader, closed_terminal])
def test_a_command_ends_its_work_when_nobody_reads_on(tmp_path: Path, unread: Callable[[], int]) -> None:
    """`ecom down | head -1` stops everything, and says in its exit code what became of it."""
    place = unread()
    done = subprocess.run(
        [sys.executable, "-c", TALKS_AND_WORKS], stdout=place, stderr=place, cwd=tmp_path, check=False, timeout=60
    )
    os.close(place)

    assert done.returncode == 7
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_works_without_standard_streams(tmp_path: Path, closed: str) -> None:
    """As some services start it."""
    program = Path(sys.executable).parent / "ecom"
    done = subprocess.run(["sh", "-c", f'"{program}" status {closed}'], cwd=tmp_path, check=False, timeout=60)

    assert done.returncode == 0


def test_a_file_that_a_command_opens_gets_no_standard_streams_number(tmp_path: Path) -> None:
    """A program that it starts would write into that file."""
    opens = (
        "import os; from ecom_platform.cli.streams import take_standard_streams; take_standard_streams(); "
        "os._exit(os.open('log', os.O_CREAT | os.O_WRONLY))"
    )
    argv = ["sh", "-c", f'"{sys.executable}" -c "{opens}" <&- >&- 2>&-']
    done = subprocess.run(argv, cwd=tmp_path, check=False, timeout=60)

    assert done.returncode > 2


def test_a_full_disk_is_no_reader_that_has_gone(tmp_path: Path) -> None:
    """What was asked for is not there, so the command has failed."""
    program = Path(sys.executable).parent / "ecom"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [program, "status"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False, timeout=60
        )

    assert done.returncode == 3
    assert "No space left on device" in done.stderr
