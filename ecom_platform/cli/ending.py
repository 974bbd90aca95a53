"""How a command ends: one sentence on stderr and a stable exit code for every error."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import click

from ecom_platform.errors import ConfigurationError, EcomError
from ecom_platform.settings import Settings, load_settings

INTERRUPTED = 130  # what shells expect after Ctrl-C


def run(command: Callable[[], Any]) -> int:
    """Run something as a command does: the exit code; the sentence about an error goes to stderr."""
    try:
        outcome = command()
        return outcome if isinstance(outcome, int) else 0
    except EcomError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except SystemExit as error:
        return cast(int, error.code or 0)
    except OSError as error:  # a full disk, a file of another owner, a folder in the place of a file: no bug
        click.echo(f"Error: {_refusal(error)} The trace is in {_write_trace()}.", err=True)
        return ConfigurationError.exit_code
    except Exception as error:  # noqa: BLE001 - a bug: the trace goes to a file, the person gets one sentence
        click.echo(
            f"Error: this is a bug in ecom ({type(error).__name__}: {error}). The trace is in {_write_trace()}. "
            "`ecom doctor` and `ecom status` tell what state things are in.",
            err=True,
        )
        return 1


def _refusal(error: OSError) -> str:
    """What the system did not allow, and to which file."""
    where = f" ({error.filename})" if error.filename else ""
    return (
        f"The system refused a step: {error.strerror or error}{where}. What was done before it stays. Mend that, then "
        "run the command again; `ecom doctor` looks at disk, limits and folders."
    )


def _write_trace() -> str:
    """Keep the trace of the error in hand; where, or that it could not be kept."""
    name = f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
    trace = traceback.format_exc()
    try:
        try:
            folder = load_settings().logs
        except EcomError:
            folder = Settings.model_fields["home"].default.absolute() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(trace, encoding="utf-8")
    except OSError as error:
        click.echo(trace, err=True)
        return f"no file ({error.strerror}), but above"
    return str(folder / name)
