"""Where the files are that Dagster and Streamlit read: beside the package in a clone, inside of it in a wheel.

They are written once, at the top of the repository; `setup.py` copies them into the wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

CARRIED: Final = "share"
"""The folder of the package that has them in a wheel."""


def project_folder(package: Path | None = None) -> Path:
    """The folder with `dagster.yaml`, `workspace.yaml`, `.streamlit` and `dashboard`."""
    package = package or Path(__file__).parent
    carried = package / CARRIED
    return carried if carried.is_dir() else package.parent
