"""New code is noticed, unfinished code is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ecom_platform.orchestration.code_version import _STREAM_CODE, CodeWatch, code_version


def package(folder: Path) -> Path:
    """A small package with one file that the stream runs on."""
    (folder / "streaming").mkdir()
    (folder / "streaming" / "sink.py").write_text("1")
    (folder / "cli.py").write_text("1")
    return folder


def test_changed_code_is_told_once_it_stands_still(tmp_path: Path) -> None:
    """A checkout writes many files; the first look may fall between them."""
    watch = CodeWatch(package(tmp_path))
    assert watch.changed() is None

    (tmp_path / "streaming" / "sink.py").write_text("2")
    assert watch.changed() is None
    (tmp_path / "streaming" / "task.py").write_text("3")
    assert watch.changed() is None

    assert "changed from" in (watch.changed() or "")


def test_code_that_the_stream_does_not_run_on_changes_nothing(tmp_path: Path) -> None:
    """The command line, for one."""
    before = code_version(package=package(tmp_path))
    (tmp_path / "cli.py").write_text("2")

    assert code_version(package=tmp_path) == before


def test_every_room_that_the_stream_imports_is_part_of_it() -> None:
    """A room that was made of two others would be left out silently."""
    script = "import sys, ecom_platform.streaming.spark_stream; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    names = [name.split(".") for name in done.stdout.split() if name.startswith("ecom_platform.")]
    rooms = {name[1] for name in names}
    # Without behaviour of their own for an event: helpers on the ground.
    ground = {"durations", "files", "project", "scratch", "valid_names", "variables"}

    assert {part.removesuffix(".py") for part in _STREAM_CODE} >= rooms - ground
