"""`ecom connect` and `ecom credentials`: two commands of the front door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import click

from ecom_platform.credentials import Role
from ecom_platform.errors import UsageError
from ecom_platform.settings import load_settings


@click.command()
@click.argument("role", type=click.Choice([str(role) for role in Role]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--kafka-config", is_flag=True, help="Print a configuration for Kafka's own tools.")
def connect(*, role: str, as_json: bool, kafka_config: bool) -> None:
    """Say what a client of ROLE (producer, analyst, ...) needs: addresses, and the file with its password."""
    from ecom_platform.local.client_config import connection, kafka_properties

    if kafka_config and as_json:
        raise UsageError("Say either --json or --kafka-config: the second is lines for Kafka's tools, not JSON.")
    if kafka_config:
        click.echo("\n".join(kafka_properties(load_settings(), Role(role))))
        return
    found = connection(load_settings(), Role(role))
    if as_json:
        click.echo(json.dumps(found))
        return
    for server in ("kafka", "mongodb"):
        for name, value in found.get(server, {}).items():
            click.echo(f"{server:8} {name:18} {value}")


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Make every file that is missing in this folder.")
@click.option("--rotate", type=click.Choice([str(role) for role in Role]), help="Give this role new passwords.")
def credentials(*, folder: Path | None, rotate: str | None) -> None:
    """Make the passwords of a deployment, or new ones for a role."""
    from ecom_platform.local import client_config

    if (folder is None) == (rotate is None):
        raise UsageError("Say either --to FOLDER or --rotate ROLE. Nothing was done.")
    if folder is not None:
        made = client_config.export(folder)
        click.echo(f"{len(made)} files were made in {folder}; those that were there are as they were.")
        return
    changed = client_config.rotate(load_settings(), Role(cast(str, rotate)))
    for file in changed:
        click.echo(f"{file} has a new password, and its server knows it.")
    click.echo(f"Programs of the role {rotate} go on until they connect again: restart them (docs/operations.md).")
