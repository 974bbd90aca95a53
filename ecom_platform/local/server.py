"""What the three servers have in common."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ecom_platform.credentials import Role, SecuredServer, credential_file
from ecom_platform.errors import EcomError, UnavailableError
from ecom_platform.files import text_since
from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import environment
from ecom_platform.local.programs import Program
from ecom_platform.settings import Settings


class _Prepare(Protocol):
    def __call__(self, settings: Settings, instance: Instance) -> None: ...


@dataclass(frozen=True)
class Server:
    """A server that `ecom up` starts when no other one is named.

    Attributes:
        key: its name in `ecom status --json`.
        address: the setting that names an existing one instead.
        ports: the settings of its ports.
        address_of: the address of ours, from settings with every port chosen.
        program_names: the names of its programs.
        programs: what the process manager runs for it.
        prepare: everything that must be there before its first start; safe to repeat.
        not_ready: why it cannot be used yet, None when it can; takes about a second at most.
        check: raises UnavailableError or ConfigurationError unless it can be reached within the given seconds.
        provision: makes what the platform needs in it (users, rights, topic, collections), also in one that was named;
            safe to repeat.
        credentials: the setting of the folder with its passwords; empty: it knows no users.
    """

    key: str
    title: str
    address: str
    ports: tuple[str, ...]
    address_of: Callable[[Settings], str]
    program_names: tuple[str, ...]
    programs: Callable[[Settings, Instance], list[Program]]
    prepare: _Prepare
    not_ready: Callable[[Settings], str | None]
    check: Callable[[Settings, float], None]
    provision: Callable[[Settings], None]
    credentials: str


def as_admin(settings: Settings, server: SecuredServer) -> Settings:
    """The settings as the admin of a server, where its credential is at hand; else unchanged.

    A named server of which we have no admin has been provisioned by its owner, or lets every client do everything.
    """
    folder: Path | None = getattr(settings, f"{server}_credentials")
    known = folder is not None and credential_file(folder, server, Role.ADMIN).exists()
    return settings.model_copy(update={"role": Role.ADMIN}) if known else settings


def reason_of(error: EcomError) -> str:
    """What failed, without the advice that follows it: to be put into another sentence."""
    return str(error).partition(". Run `")[0].rstrip(".")


def accepts(host: str, port: int, seconds: float = 1.0) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False


def run_once(argv: Sequence[str], instance: Instance, step: str, seconds: float = 120) -> None:
    """Run a program to its end, its output in a log file.

    Raises:
        UnavailableError: it failed or took too long.
    """
    log = instance.logs / f"{step.replace(' ', '-')}.log"
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                argv,
                cwd=instance.home,
                env=environment(instance),
                stdout=output,
                stderr=output,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"{step} took more than {seconds:.0f} seconds. See {log}.") from None
    if done.returncode != 0:
        raise UnavailableError(f"{step} failed with code {done.returncode}: {log_tail(log)} See {log}.")


def log_tail(log: Path, length: int = 200) -> str:
    """The last line of a log that says anything, cut to `length` characters."""
    if not log.exists():
        return "it wrote no log."
    lines = [line.strip() for line in text_since(log, 0, 4_000).splitlines()]
    telling = [line for line in lines if any(word in line for word in ("ERROR", "FATAL", "Exception", "error"))]
    last = next(reversed(telling or [line for line in lines if line]), "it wrote nothing.")
    return last[:length]
