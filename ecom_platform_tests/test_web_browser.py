"""The browser of the tests: the machine's own, whatever it is called, else one that is fetched by its digest."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import brotli
import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform_tests.web_browser import fetch, find


def program(folder: Path, name: str, code: int = 0) -> Path:
    """A program that answers its version, or fails at that."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\nexit {code}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without browsers, and with an empty cache; its folder of programs."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("ECOM_JAR_CACHE", str(tmp_path / "cache" / "jars"))
    return tmp_path / "bin"


@pytest.mark.parametrize("name", ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"])
def test_the_machines_browser_is_used_by_any_of_its_names(bare: Path, name: str) -> None:
    """Debian's, Google's, Ubuntu's."""
    chrome = program(bare, name)

    assert find.find_browser() == find.WebBrowser(str(chrome))


def test_a_name_without_a_browser_behind_is_passed_over(bare: Path) -> None:
    """Ubuntu has a script of that name which only says what to install."""
    program(bare, "chromium", code=1)
    chrome = program(bare, "google-chrome")

    assert find.find_browser().program == str(chrome)


def test_no_browser_at_all_names_the_command_that_brings_one(bare: Path) -> None:
    """It needs no root."""
    with pytest.raises(LookupError, match="make browser"):
        find.find_browser()


def test_the_fetched_browser_has_its_own_libraries_and_fonts(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a font every text would be empty; what the environment has is kept."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/own")
    folder = find.browser_folder()
    folder.mkdir(parents=True)

    found = find.find_browser()

    assert found.program == str(folder / "chromium")
    assert found.variables == {"LD_LIBRARY_PATH": f"{folder}/lib:/own", "FONTCONFIG_FILE": f"{folder}/fonts.conf"}
    assert found.environment["PATH"] == os.environ["PATH"]


def archive(folder: Path) -> Path:
    """An npm package like the browser's, with a font, a library and a program."""

    def tar(**files: bytes) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as content:
            for name, text in files.items():
                entry = tarfile.TarInfo(name.replace("__", "/"))
                entry.size = len(text)
                content.addfile(entry, io.BytesIO(text))
        return made.getvalue()

    inner = {
        "package__bin__al2023.tar.br": tar(lib__libnss3=b"library"),
        "package__bin__fonts.tar.br": tar(fonts__Open__Sans=b"font", **{"fonts.conf": b"of another machine"}),
        "package__bin__chromium.br": b"program" * 1_000_000,
    }
    file = folder / "package.tgz"
    file.write_bytes(tar(**{name: brotli.compress(content, quality=1) for name, content in inner.items()}))
    return file


def test_what_came_is_laid_out_with_fonts_of_its_own(tmp_path: Path) -> None:
    """The program, its libraries, and a configuration of fonts that names the folder where they will lie."""
    target = tmp_path / "target"

    fetch.unpack(archive(tmp_path), tmp_path / "incoming", target)
    (tmp_path / "incoming").rename(target)

    assert (target / "chromium").read_bytes() == b"program" * 1_000_000
    assert stat.S_IMODE((target / "chromium").stat().st_mode) == 0o755
    assert (target / "lib" / "libnss3").read_bytes() == b"library"
    assert f"<dir>{target}/fonts</dir>" in (target / "fonts.conf").read_text()
    assert (target / "fonts" / "Open" / "Sans").read_bytes() == b"font"
    assert sorted(path.name for path in target.iterdir()) == ["chromium", "fonts", "fonts.conf", "lib"]


def test_other_bytes_than_those_of_the_lock_are_thrown_away(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of them is unpacked, and nothing is left in the cache."""
    monkeypatch.setattr(fetch, "_install_tools", lambda: None)

    def download(package: str, folder: Path) -> Path:
        (folder / "package.tgz").write_bytes(b"exchanged on the way")
        return folder / "package.tgz"

    monkeypatch.setattr(fetch, "_download", download)

    with pytest.raises(ConfigurationError, match="other bytes than those that were locked"):
        fetch.fetch()

    assert list(find.browser_folder().parent.iterdir()) == []


def test_nothing_is_fetched_where_a_browser_runs(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seventy megabytes that nobody needs."""
    program(bare, "google-chrome")
    monkeypatch.setattr(find, "find_node", lambda: None)
    monkeypatch.setattr(fetch, "_run", lambda command: pytest.fail(f"{command} was run"))

    fetch.fetch()
