"""`ecom …` on the command line: a module per subject, each command thin."""

from ecom_platform.cli.ending import run
from ecom_platform.cli.main import cli, main

__all__ = ["cli", "main", "run"]
