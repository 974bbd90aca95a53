"""Which code is on disk: the version of an asset's code, and the news for a long run that it is no longer the one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import ecom_platform

_GROUND: Final = ("errors.py", "settings.py", "contract", "kpi", "store")
FACTS_CODE: Final = (*_GROUND, "kafka", "tabular", "streaming")
"""What decides how an event becomes a fact."""
DIMENSIONS_CODE: Final = ("simulator", "store/dimensions.py")
KPI_CODE: Final = (*_GROUND, "tabular", "history")
# A change elsewhere is no reason to restart the stream and its supervisor.
_STREAM_CODE: Final = (*FACTS_CODE, "credentials.py", "environment.py", "runtime", "orchestration")


def code_version(parts: Sequence[str] = _STREAM_CODE, package: Path | None = None) -> str:
    """A digest of the source files of some rooms and modules of the package."""
    package = package or Path(ecom_platform.__file__).parent
    digest = hashlib.sha256()
    for part in parts:
        path = package / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.exists() else []:
            digest.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class CodeWatch:
    """Notices new code once it has stopped changing: a checkout in progress is nothing to start from."""

    def __init__(self, package: Path | None = None) -> None:
        """Remember the code as it is now."""
        self._package = package
        self._mine = self._seen = code_version(package=package)

    def changed(self) -> str | None:
        """Why the code is new, said at the second look that finds the same new code; None otherwise."""
        try:
            found = code_version(package=self._package)
        except OSError:
            # A file went away between listing and reading: it is still changing.
            self._seen = ""
            return None
        settled, self._seen = found == self._seen, found
        return f"The code changed from {self._mine} to {found}." if settled and found != self._mine else None
