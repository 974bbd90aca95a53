"""The wheel carries everything: what Dagster and Streamlit read, locks, scenarios."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from ecom_platform.project import CARRIED, project_folder
from ecom_platform_tests.conftest import FREE_PORTS
from ecom_platform_tests.deployment.composition import ROOT

SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "dagster.yaml", "workspace.yaml", ".streamlit", "dashboard",
           "ecom_platform")  # fmt: skip
LIVE_SECONDS = 5
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
"""What `uv build`, pip and pipx call."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because building writes beside the sources."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, source / name)
    subprocess.run([sys.executable, "-c", BUILD, str(target)], cwd=source, check=True, capture_output=True)
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `ecom` of an environment of its own: ours comes from the wheel alone, the rest from this environment."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    install = ["pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run([Path(sys.executable).parent / "uv", *install], check=True, capture_output=True)
    # A folder that is added so has its packages found and its own .pth files ignored, the editable install's, too.
    [site] = environment.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "ecom"


def test_the_wheel_has_every_file_of_the_project_once(wheel: Path) -> None:
    """The same bytes as in the clone, and no package beside `ecom_platform`."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        share = f"ecom_platform/{CARRIED}/"
        carried = {name.removeprefix(share): archive.read(name) for name in names if name.startswith(share)}
    in_the_clone = {
        str(file.relative_to(ROOT)): file.read_bytes()
        for name in ("dagster.yaml", "workspace.yaml", ".streamlit", "dashboard")
        for file in [ROOT / name, *(ROOT / name).rglob("*")]
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert carried == in_the_clone
    assert {"dashboard/app.py", ".streamlit/config.toml", "dagster.yaml"} <= set(carried)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"ecom_platform"}


def test_the_wheel_has_the_locks_the_scenarios_and_the_command(wheel: Path) -> None:
    """What else is no Python."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [commands] = [archive.read(name).decode() for name in names if name.endswith("entry_points.txt")]

    package = ROOT / "ecom_platform"
    data = [*package.glob("runtime/locks/*.lock"), *package.glob("simulator/scenarios/*.toml"), package / "py.typed"]
    assert {str(file.relative_to(ROOT)) for file in data} <= names
    assert "ecom = ecom_platform.cli:main" in commands


def test_the_files_are_found_in_a_clone_and_in_a_wheel(tmp_path: Path) -> None:
    """Beside the package, or in it."""
    assert project_folder() == ROOT
    package = tmp_path / "ecom_platform"
    (package / CARRIED).mkdir(parents=True)
    assert project_folder(package) == package / CARRIED


@pytest.mark.full
@pytest.mark.servers
@pytest.mark.timeout(900)
def test_a_demo_of_the_wheel_runs_whole_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """As after `uv tool install` or `pipx install`: nothing of the clone is at hand, and everything adds up."""
    empty = tmp_path / "empty"
    empty.mkdir()
    ports = {f"ECOM_{name.upper()}": str(port) for name, port in FREE_PORTS.items()}
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ports
    where = subprocess.run(
        [installed.with_name("python"), "-c", "import ecom_platform; print(ecom_platform.__file__)"],
        cwd=empty, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(installed.parents[1]))

    demo = [installed, "demo", "--for", str(LIVE_SECONDS), "--no-browser"]
    done = subprocess.run(demo, cwd=empty, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert (verdict["lag"], verdict["reconciled"]) == (0, True)
    assert verdict["orders"] > 0
    assert [entry.name for entry in empty.iterdir()] == [".ecom"]
