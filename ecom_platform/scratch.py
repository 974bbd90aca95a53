"""Folders for what programs need only while they run, in the home: nothing of ours lies in /tmp.

That may be small, or `noexec`: JVMs unpack native libraries and load them. A process that wants a folder of its own
holds a lock in it; all else beside these belongs to the servers, and may go when they do not run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWN = "of-a-process-"
LOCK = "lock"

_owned: dict[Path, Path] = {}


def own_folder(parent: Path) -> Path:
    """The folder of this process, until it ends; those of processes that are gone are deleted."""
    with _nobody_else(parent):
        _delete_left_behind(parent)
        known = _owned.get(parent)
        if known is not None and known.exists():
            return known
        folder = Path(tempfile.mkdtemp(prefix=OWN, dir=parent))
        # A bare descriptor, which nothing closes: the lock is held until this process ends, however it ends.
        fcntl.flock(os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    _owned[parent] = folder
    return folder


def clear(parent: Path) -> None:
    """Delete everything but the folders of live processes; the servers must not run."""
    with _nobody_else(parent):
        _delete_left_behind(parent)
        for entry in parent.iterdir():
            if entry.name != LOCK and not entry.name.startswith(OWN):
                _delete(entry)


@contextmanager
def _nobody_else(parent: Path) -> Iterator[None]:
    """A new folder has no lock for a moment: no clean-up may look at it then."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (parent / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _delete_left_behind(parent: Path) -> None:
    for folder in parent.glob(f"{OWN}*"):
        if not _in_use(folder):
            _delete(folder)


def _in_use(folder: Path) -> bool:
    # By a lock and not by a process number: programs in several containers may share a home.
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # without a lock: its process was killed before it had one
    return False


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)  # what is left does no harm, and is tried again
    else:
        entry.unlink(missing_ok=True)
