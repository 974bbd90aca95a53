"""`ecom connect` and `ecom credentials`: what a client of a role needs, and new passwords. Neither shows a password."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from ecom_platform.contract import MAX_BATCH_BYTES
from ecom_platform.credentials import (
    ROLES_OF,
    Role,
    SecuredServer,
    credential_file,
    ensure_credentials,
    new_credential,
)
from ecom_platform.errors import ConfigurationError
from ecom_platform.files import write_atomically
from ecom_platform.kafka.client import java_options, python_options
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import MONGODB, ensure_key_file
from ecom_platform.local.server import Server
from ecom_platform.settings import Settings, credential_of
from ecom_platform.store.client import login_options, without_login

_SERVERS: dict[SecuredServer, Server] = {"kafka": KAFKA, "mongodb": MONGODB}


def connection(settings: Settings, role: Role) -> dict[str, Any]:
    """What a client of this role needs, by server: addresses, and the file with user and password.

    Raises:
        ConfigurationError: no server is known, or there is no such file.
    """
    found: dict[str, Any] = {}
    ca = {} if settings.tls is None else {"ca_file": str(settings.tls / "ca.pem")}
    # A user in the address is the operator's own, and not for the client.
    client = settings.model_copy(update={"role": role, "mongodb_uri": without_login(settings.mongodb_uri)})
    if role in ROLES_OF["kafka"] and settings.kafka_bootstrap_servers:
        file, options = _file(settings, "kafka", role), python_options(client)
        found["kafka"] = {
            "bootstrap_servers": settings.kafka_bootstrap_servers,
            "topic": settings.topic,
            "security_protocol": options["security_protocol"],
            "sasl_mechanism": options["sasl_mechanism"],
            "max_request_bytes": MAX_BATCH_BYTES,
            "credentials_file": file,
            **ca,
        }
    if role in ROLES_OF["mongodb"] and settings.mongodb_uri:
        file, options = _file(settings, "mongodb", role), login_options(client)
        found["mongodb"] = {
            "uri": client.mongodb_uri,
            "database": settings.mongodb_database,
            "auth_source": options["authSource"],
            "auth_mechanism": options["authMechanism"],
            "credentials_file": file,
            **ca,
        }
    if not found:
        raise ConfigurationError("No server is known that this role could connect to. Run `ecom up`, then this again.")
    return {"role": str(role), **found}


def kafka_properties(settings: Settings, role: Role) -> list[str]:
    """The lines of a configuration for Kafka's own command-line tools; the password stays in its file.

    Raises:
        ConfigurationError: no Kafka is known, the role is not one of Kafka's, or there is no such file.
    """
    if role not in ROLES_OF["kafka"] or not settings.kafka_bootstrap_servers:
        raise ConfigurationError(
            f"There is no Kafka that the role {role} could connect to. Roles of Kafka: {', '.join(ROLES_OF['kafka'])}; "
            "`ecom up` starts one."
        )
    _file(settings, "kafka", role)
    # Tools that only read warn about the last one and go on.
    options = java_options(settings.model_copy(update={"role": role})) | {"max.request.size": str(MAX_BATCH_BYTES)}
    return [f"{name}={_escaped(value)}" for name, value in options.items()]


def _escaped(value: str) -> str:
    """A value of a Java properties file: it is read as Latin-1, so that a path with an umlaut needs escapes."""
    units = (unit for (unit,) in struct.iter_unpack(">H", value.encode("utf-16-be")))
    return "".join(chr(unit) if 32 <= unit < 127 and unit != ord("\\") else f"\\u{unit:04x}" for unit in units)


def export(folder: Path) -> list[Path]:
    """Make the files of every role in a folder, for a deployment; existing ones stay. Returns the new ones."""
    made = [file for server in _SERVERS for file in ensure_credentials(folder, server)]
    return [*made, *ensure_key_file(folder)]


def rotate(settings: Settings, role: Role) -> list[Path]:
    """Give a role new passwords, in its files and in the servers. Programs of the role then have to be restarted.

    Returns:
        The files that were replaced.

    Raises:
        ConfigurationError: the admin is not changed while servers run.
        UnavailableError: a server did not take the new password; its file is the old one again.
    """
    if role is Role.ADMIN:
        raise ConfigurationError(
            "The servers know the admin by its old password, so it cannot be replaced while they run; nothing was "
            "changed. docs/operations.md says how it is done, under Rotation of credentials."
        )
    servers = [server for server in _SERVERS if role in ROLES_OF[server]]
    return [_rotate(settings, server, role) for server in servers if getattr(settings, f"{server}_credentials")]


def _rotate(settings: Settings, server: SecuredServer, role: Role) -> Path:
    file = Path(_file(settings, server, role))
    before = file.read_text(encoding="utf-8")
    write_atomically(file, new_credential(role))
    try:
        _SERVERS[server].provision(settings)
    except BaseException:
        write_atomically(file, before)
        raise
    return file


def _file(settings: Settings, server: SecuredServer, role: Role) -> str:
    credential_of(settings, server, role)
    folder = getattr(settings, f"{server}_credentials")
    return str(credential_file(folder, server, role))
