"""Dagster's own databases on a laptop: whether SQLite can read them, and what to do when it cannot."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ecom_platform.errors import ConfigurationError


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
