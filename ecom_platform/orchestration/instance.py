"""The home of a Dagster instance: its folder, its configuration, its databases and what to do when they are damaged."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.files import write_atomically
from ecom_platform.orchestration.dagster_internals import create_tables
from ecom_platform.project import project_folder
from ecom_platform.settings import Settings

CONFIGURATION: Final = "dagster.yaml"
CODE_LOCATION: Final = "ecom_platform"
WORKSPACE: Final = "workspace.yaml"


def home_of(settings: Settings) -> Path:
    """The folder to name in DAGSTER_HOME."""
    return settings.home / "dagster"


def prepare(settings: Settings, grpc_port: int, *, template: Path | None = None) -> Path:
    """Make an instance that several programs can open at once; safe to repeat. Returns its folder.

    The databases are created here, by one process: three programs that find an empty home create them at the same
    time, and one of them may die of it. `workspace.yaml` in the folder names the code server on `grpc_port`.

    Raises:
        ConfigurationError: the configuration to copy is missing, or Dagster refuses it.
    """
    template = template or project_folder() / CONFIGURATION
    if not template.is_file():
        raise ConfigurationError(
            f"{template} is missing. Nothing was started. Install ecom-platform again, or run this from a whole clone."
        )
    home = home_of(settings)
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, home / CONFIGURATION)
    write_atomically(home / WORKSPACE, _workspace(grpc_port))
    with storage_errors(home), open_instance(home) as instance:
        create_tables(instance)
    return home


def open_instance(home: Path) -> dg.DagsterInstance:
    """Open an instance by its folder; close it with `with`.

    Raises:
        ConfigurationError: there is no instance, or its configuration cannot be used.
    """
    if not (home / CONFIGURATION).is_file():
        raise ConfigurationError(f"{home} holds no Dagster instance. `ecom demo` makes one.")
    try:
        with storage_errors(home):
            return dg.DagsterInstance.from_config(str(home))
    except dg.DagsterInvalidConfigError as error:
        raise ConfigurationError(f"Dagster refuses {home / CONFIGURATION}: {error}") from error


def _workspace(grpc_port: int) -> str:
    return (
        "load_from:\n"
        "  - grpc_server:\n"
        "      host: 127.0.0.1\n"
        f"      port: {grpc_port}\n"
        f"      location_name: {CODE_LOCATION}\n"
    )


@contextmanager
def storage_errors(home: Path) -> Iterator[None]:
    """Turn errors of the storage in the enclosed calls into ours.

    Raises:
        ConfigurationError: a file is damaged, or another version of Dagster wrote it; the text says what to do.
    """
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import DatabaseError

    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError, CommandError) as error:
        damaged = ", ".join(str(file) for file in damaged_files(home))
        what = f"{damaged} is damaged" if damaged else f"Dagster cannot use its storage in {home}"
        cause = str(error).strip().splitlines()[0][:200]
        raise ConfigurationError(
            f"{what} ({cause}). Nothing of the shop is in it: it holds the history of runs, ticks, materializations. "
            f"Run `ecom down`, delete {home}, and run `ecom demo` again."
        ) from error


def damaged_files(home: Path) -> list[Path]:
    """The databases below a folder in which SQLite finds a fault; reads each of them whole."""
    return [file for file in sorted(home.rglob("*.db")) if not _sound(file)]


def _sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False
