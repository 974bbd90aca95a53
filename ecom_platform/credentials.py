"""Who a program is to the servers, and the files its passwords are in.

Each server has a file for each role, so that a program can be given exactly what it needs: `mongodb-stream.properties`
and `kafka-stream.properties`, with the lines `username=…` and `password=…`. Passwords stand nowhere else: programs are
told the folder. They are random and long, never chosen, so that nothing needs to be derived from them slowly.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from ecom_platform.errors import ConfigurationError
from ecom_platform.files import write_atomically

SecuredServer = Literal["kafka", "mongodb"]

_PASSWORD_BYTES = 32


class Role(StrEnum):
    """A part of the platform, or a client outside of it; each may do only what it needs (table: `SECURITY.md`)."""

    ADMIN = "admin"
    """Makes users, roles, access rules, topic and collections: `ecom up` alone."""
    OPERATOR = "operator"
    """A person at the command line: reads and repairs data, changes no rights."""
    SIMULATOR = "simulator"
    STREAM = "stream"
    ARCHIVER = "archiver"
    KPI = "kpi"
    ORCHESTRATOR = "orchestrator"
    """Dagster's sensors, checks, supervisor and dimension assets."""
    DASHBOARD = "dashboard"
    PRODUCER = "producer"
    """A shop's own program, which sends events."""
    ANALYST = "analyst"
    """A person who reads orders and figures with tools of their own."""


_KAFKA_ONLY: Final = (Role.PRODUCER,)
_MONGODB_ONLY: Final = (Role.ARCHIVER, Role.KPI, Role.DASHBOARD, Role.ANALYST)

ROLES_OF: Final[dict[SecuredServer, Sequence[Role]]] = {
    "kafka": [role for role in Role if role not in _MONGODB_ONLY],
    "mongodb": [role for role in Role if role not in _KAFKA_ONLY],
}
"""Which roles a server knows."""


@dataclass(frozen=True)
class Credential:
    """A user of one server; the password is not shown when this is printed."""

    username: str
    password: str = field(repr=False)


def credential_file(folder: Path, server: SecuredServer, role: Role) -> Path:
    """Where the credential of a role is."""
    return folder / f"{server}-{role}.properties"


def read_credential(folder: Path, server: SecuredServer, role: Role) -> Credential:
    """Read the credential of a role.

    Raises:
        ConfigurationError: there is no such file, or it cannot be read; the text names it and never its content.
    """
    file = credential_file(folder, server, role)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text ({error.reason}). Put it back from a copy.") from error
    except OSError as error:
        raise ConfigurationError(
            f"The credential of {role} for {server} cannot be read ({error.strerror}: {file}). `ecom up` makes it for "
            "local servers; for others put it there, or set ECOM_ROLE to a role whose credential is there."
        ) from error
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    if not values.get("username") or not values.get("password"):
        raise ConfigurationError(f"{file} must have a line username=… and a line password=….")
    return Credential(values["username"], values["password"])


def ensure_credentials(folder: Path, server: SecuredServer, roles: Sequence[Role] = ()) -> list[Path]:
    """Make the credentials that are missing, readable by their owner only; existing ones stay.

    Args:
        roles: only these; default: all that the server knows.

    Returns:
        The new files.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for role in roles or ROLES_OF[server]:
        file = credential_file(folder, server, role)
        if not file.exists():
            write_atomically(file, new_credential(role))
            made.append(file)
    return made


def new_credential(role: Role) -> str:
    """The content of a credential file with a new password."""
    return f"username={role}\npassword={secrets.token_urlsafe(_PASSWORD_BYTES)}\n"
