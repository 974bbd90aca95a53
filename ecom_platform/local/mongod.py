"""The mongod program, and the libraries that the one from a wheel needs and a small system lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import Settings


def find_mongod(settings: Settings) -> Path:
    """The mongod to run: the one named, else from the PATH, else the installed one.

    Raises:
        ConfigurationError: there is none.
    """
    if settings.mongod:
        program = shutil.which(settings.mongod)
        if program is None:
            raise ConfigurationError(
                f"ECOM_MONGOD is {settings.mongod!r}, which is not a program. Correct or unset it."
            )
        return Path(program).absolute()
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    package = find_spec("fiftyone")
    for folder in (package.submodule_search_locations if package else None) or ():
        program_file = Path(folder) / "db" / "bin" / "mongod"
        if program_file.exists():
            return program_file
    raise ConfigurationError(
        "No mongod was found. Install ecom-platform again (in a clone: `make setup`), or name one with ECOM_MONGOD."
    )


def library_environment(program: Path, folder: Path) -> dict[str, str]:
    """The variables that mongod, and nothing else, is started with; none where the system has all that it needs.

    Args:
        folder: where the libraries of PycURL's wheel get the names that mongod asks for; made when it is needed.

    Raises:
        ConfigurationError: a library is missing that no package of ours has inside.
    """
    missing = missing_libraries(program) if sys.platform == "linux" else ()
    if not missing:
        return {}
    environment = lend_libraries(missing, folder)
    if lacking := missing_libraries(program, environment):
        raise ConfigurationError(
            f"{program} needs {', '.join(lacking)}, which this system does not have. Install the packages that "
            "hold them, or name another mongod with ECOM_MONGOD."
        )
    return environment


def lend_libraries(names: Sequence[str], folder: Path) -> dict[str, str]:
    """Give the libraries of PycURL's wheel these names in a folder; the variable that makes a program find them.

    The wheel's own folder is named, too: its libraries ask for each other by the names that they have there.
    """
    wheel = _wheel_libraries()
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        link = folder / name
        link.unlink(missing_ok=True)
        stem, _, version = name.partition(".so")
        if found := next(iter(sorted(wheel.glob(f"{stem}-*.so{version}*"))), None):
            link.symlink_to(found)
    more = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": ":".join([str(folder), str(wheel), *([more] if more else [])])}


def missing_libraries(program: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    """The libraries that the system does not find for a program, with more variables in its environment."""
    # The loader lists them and ends, for every program; that is all that `ldd` does.
    asked = {**os.environ, **(environment or {}), "LD_TRACE_LOADED_OBJECTS": "1"}
    try:
        answer = subprocess.run([program], env=asked, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return []  # what cannot be run at all says why when it is started
    return [line.split()[0] for line in answer.stdout.splitlines() if line.endswith("=> not found")]


def _wheel_libraries() -> Path:
    try:
        return Path(str(distribution("pycurl").locate_file("pycurl.libs")))
    except PackageNotFoundError:
        raise ConfigurationError("The package pycurl is not installed. Run `make setup` again.") from None
