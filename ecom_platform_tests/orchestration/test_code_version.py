"""New code is noticed, unfinished code is not."""

from __future__ import annotations

from pathlib import Path

from ecom_platform.orchestration.code_version import CodeWatch, code_version


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
    before = code_version(package(tmp_path))
    (tmp_path / "cli.py").write_text("2")

    assert code_version(tmp_path) == before


def test_the_real_package_has_a_version() -> None:
    """The same twice."""
    assert code_version() == code_version()
