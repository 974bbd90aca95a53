"""`ecom …`: the front door. Commands are thin; what they do is in the rooms, imported when a command runs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from ecom_platform.cli import access, data, servers
from ecom_platform.cli.ending import run
from ecom_platform.cli.streams import take_standard_streams
from ecom_platform.environment import restart_unless_clean, shield


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ecom-platform")
def cli() -> None:
    """A real-time e-commerce analytics platform that proves its numbers.

    Settings are ECOM_* variables or a .env file; data and logs are in ECOM_HOME (default .ecom).
    """


for command in (
    *(servers.demo, servers.up, servers.down, servers.status, servers.doctor, servers.reset),
    *(data.simulate, data.stream, data.archive, data.kpi, data.reconcile),
    *(access.connect, access.credentials),
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every error becomes one sentence on stderr and a stable exit code."""
    if arguments is None:
        restart_unless_clean(["-m", "ecom_platform.cli", *sys.argv[1:]])
        take_standard_streams()
    os.umask(0o077)  # what is written in the home is its owner's, even where a person's shell allows more
    shield()
    # The Kafka client reports every refused connection on stderr; our error says it in one sentence.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    sys.exit(run(lambda: cli.main(args=arguments, prog_name="ecom", standalone_mode=False)))
