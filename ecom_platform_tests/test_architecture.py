"""The rooms of the package and what each may know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("pyspark", "dagster", "streamlit", "pandas", "pyarrow", "kafka", "pymongo")


def imported_by(modules: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, {modules}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(shown.stdout.split())


def test_every_room_imports_only_rooms_above_it() -> None:
    """The contracts of import-linter in pyproject.toml hold."""
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_the_command_line_starts_without_anything_heavy() -> None:
    """`ecom --help` must not wait for Spark or Dagster."""
    assert imported_by("ecom_platform.cli").isdisjoint(HEAVY)


ROOMS = ("store", "streaming", "streaming.foreground", "reconcile", "local", "simulator.run", "history.kpi")


@pytest.mark.parametrize(
    ("modules", "foreign"),
    [
        *((f"ecom_platform.{room}", {"pyspark", "dagster", "streamlit"}) for room in ROOMS),
        ("dashboard.overview", {"pyspark", "dagster", "kafka"}),
        ("dashboard.query_cache, dashboard.queries.overview, dashboard.queries.pipeline, dashboard.queries.selling",
         {"streamlit"}),
    ],
)  # fmt: skip
def test_spark_dagster_and_streamlit_stay_where_they_belong(modules: str, foreign: set[str]) -> None:
    """PySpark is imported by modules named spark_*.py only, Dagster by orchestration, Streamlit by pages of the
    dashboard, whose queries can be asked without one.
    """
    assert imported_by(modules).isdisjoint(foreign)


def test_the_pinned_libraries_fit_together() -> None:
    """Imported side by side in one fresh interpreter."""
    modules = ["pyspark.sql", "pyarrow.parquet", "dagster", "dagster_pyspark", "dagster_webserver", "dagster_graphql"]
    modules += ["streamlit", "plotly", "pymongo", "kafka", "crc32c", "hdfs_native", "msgspec", "orjson", "supervisor"]
    code = "\n".join(f"import {module}" for module in modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_module_is_longer_than_400_lines() -> None:
    """What does not fit on a few screens is two modules."""
    files = [file for folder in ("ecom_platform", "dashboard", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    lengths = {file: len(file.read_text().splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > 400} == {}


@pytest.mark.parametrize("name", ["requirements.lock", *(f"ecom_platform/runtime/locks/{n}.lock" for n in
                                                         ("kafka", "hadoop", "spark-kafka"))])  # fmt: skip
def test_locks_name_no_address(name: str) -> None:
    """Where packages come from is a matter of the machine, not of the repository."""
    assert "://" not in (ROOT / name).read_text()
