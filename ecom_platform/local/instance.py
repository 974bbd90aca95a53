"""Where one instance keeps its things, and the lock that lets one command at a time change it."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.settings import Settings

# A comment for the process manager; a separator, a pattern or a quote in what Hadoop and Kafka make of a path.
MISREAD = frozenset("#;,%:{}'\"\\")
# Control characters, parts of characters (bytes that are no UTF-8), separators of lines: no text file takes them all.
UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
NOEXEC: int = getattr(os, "ST_NOEXEC", 0)  # macOS does not tell


@dataclass(frozen=True)
class Instance:
    """The folders of one `ECOM_HOME`."""

    home: Path

    @classmethod
    def of(cls, settings: Settings) -> Instance:
        """The instance that the settings name; nothing is created."""
        return cls(settings.home.resolve())

    @property
    def run(self) -> Path:
        """Generated configuration, pids, locks."""
        return self.home / "run"

    @property
    def data(self) -> Path:
        """What the servers store."""
        return self.home / "data"

    @property
    def credentials(self) -> Path:
        """Generated passwords, a file for each role and server."""
        return self.home / "credentials"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.home / "logs"

    @property
    def temporary(self) -> Path:
        """What programs need while they run; emptied when nothing runs. Never /tmp, which may be full or `noexec`."""
        return self.home / "tmp"

    @property
    def lock(self) -> Path:
        """Held by the command that starts or stops something."""
        return self.run / "lock"

    @property
    def deleted(self) -> Path:
        """What a reset has yet to delete; it is there only while one is under way, or after one that was killed."""
        return self.run / "deleted"

    @property
    def endpoints(self) -> Path:
        """The addresses in force; `load_settings` reads them back."""
        return self.home / "endpoints.json"

    @property
    def marker(self) -> str:
        """What every process of this instance carries as ECOM_INSTANCE in its environment."""
        return str(self.home)

    @property
    def socket(self) -> Path:
        """The process manager's socket."""
        return self.run / "supervisor.sock"

    def create(self) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            ConfigurationError: the place cannot be written, or the servers would misread its name.
        """
        misread = sorted({char for char in str(self.home) if char in MISREAD or category(char) in UNWRITABLE})
        if misread:
            raise ConfigurationError(
                f"ECOM_HOME is {str(self.home)!r}; the servers would misread {' '.join(map(repr, misread))} in it. "
                "Nothing was started. Name another folder."
            )
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            for folder in (self.run, self.data, self.logs, self.credentials, self.temporary):
                folder.mkdir(mode=0o700, exist_ok=True)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, f"not writable, and of the user {_owner(folder)}", folder)
        except OSError as error:
            raise ConfigurationError(
                f"{self.home} cannot be used ({error.strerror}: {error.filename}). Nothing was started. Make it yours "
                "(after a command with sudo: `sudo chown -R`), or set ECOM_HOME to another folder."
            ) from error

    def refuse_noexec(self) -> None:
        """Raise ConfigurationError where the servers could not load the libraries that they unpack in the home."""
        if os.statvfs(self.temporary).f_flag & NOEXEC:
            raise ConfigurationError(
                f"{self.home} is on a disk that runs no programs (mounted `noexec`): Kafka and Spark could not read "
                "compressed messages. Nothing was started. Set ECOM_HOME to a folder on another disk."
            )

    @contextmanager
    def locked(self, wait_seconds: float = 120.0) -> Iterator[None]:
        """Hold the lock of this instance, so that two commands do not start or stop it at once.

        Raises:
            UnavailableError: another command holds it for longer than `wait_seconds`.
        """
        self.create()
        with self.lock.open("a+") as file:
            _wait_for(file.fileno(), self, wait_seconds)
            yield


def _owner(folder: Path) -> str:
    number = folder.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _wait_for(descriptor: int, instance: Instance, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"Another command has been starting or stopping {instance.home} for {wait_seconds:.0f} seconds. "
                    "Wait for it or end it, then run this command again."
                ) from None
            time.sleep(0.1)
        else:
            return
