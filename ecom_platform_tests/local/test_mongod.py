"""The mongod of a wheel on a system that lacks libraries it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.local.mongod import find_mongod, lend_libraries, library_environment, missing_libraries
from ecom_platform.settings import Settings

LENT = ("libcurl.so.4", "libssl.so.3", "libcrypto.so.3")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The installed one, not another on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return find_mongod(Settings(_env_file=None))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that needs a library which no system has."""
    file = tmp_path / "program"
    content = Path(shutil.which("true") or "").read_bytes()
    file.write_bytes(content.replace(b"\0libc.so.6\0", b"\0libx.so.6\0"))
    file.chmod(0o755)
    return file


def output_of(command: list[Path | str], environment: dict[str, str]) -> str:
    """What a program says and ends."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_mongod_runs_with_the_libraries_of_a_package_of_ours(installed: Path, tmp_path: Path) -> None:
    """A bare Debian or Ubuntu has no libcurl4; each library is found under the name that mongod asks for."""
    environment = {**os.environ, **lend_libraries(LENT, tmp_path / "libraries")}

    listed = output_of([installed], {**environment, "LD_TRACE_LOADED_OBJECTS": "1"})

    found = dict(re.findall(r"(\S+) => (\S+)", listed))
    assert {name: found[name] for name in LENT} == {name: str(tmp_path / "libraries" / name) for name in LENT}
    assert output_of([installed, "--version"], environment).startswith("db version v6.0.5")


def test_a_second_start_finds_the_libraries_where_they_are_now(installed: Path, tmp_path: Path) -> None:
    """The environment may have moved, and the name of a file in it carries a digest."""
    (tmp_path / "libcurl.so.4").symlink_to("/gone/libcurl-1234.so.4.8.0")

    lend_libraries(["libcurl.so.4"], tmp_path)

    assert (tmp_path / "libcurl.so.4").exists()


def test_a_library_that_is_not_there_is_missed(program: Path) -> None:
    """And one that is there is not."""
    assert missing_libraries(program) == ["libx.so.6"]
    assert missing_libraries(Path(shutil.which("true") or "")) == []


def test_a_library_that_no_package_of_ours_has_is_named(program: Path, tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(ConfigurationError, match=r"program needs libx\.so\.6.*ECOM_MONGOD"):
        library_environment(program, tmp_path / "libraries")


def test_a_complete_system_lends_mongod_nothing(tmp_path: Path) -> None:
    """Its own libraries get its security fixes."""
    assert library_environment(Path(shutil.which("true") or ""), tmp_path / "libraries") == {}
    assert not (tmp_path / "libraries").exists()
