"""The ECOM_* variables that a person set, in the environment or in `.env`, before they are settings.

A name that is no setting is refused: ignored, it would leave a default in force that its author believes is changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from ecom_platform.errors import ConfigurationError

PREFIX = "ECOM_"
ENV_FILE = Path(".env")
ENCODING = "utf-8-sig"  # with or without the mark that some editors put first
INTERNAL = frozenset({"ECOM_INSTANCE", "ECOM_CONFIGURATION"})
"""What `ecom up` gives to the programs it starts; no settings."""

# It warns of every line of other programs that it cannot read; lines of ours are refused here.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)


def variables_of_file(file: Path) -> list[str]:
    """The names of the ECOM_* variables in a file such as `.env`; none when there is no such file.

    Raises:
        ConfigurationError: it cannot be read, or a line about one of ours cannot.
    """
    try:
        if not file.is_file():
            return []
        with file.open(encoding=ENCODING) as stream:
            lines = [line for line in parse_stream(stream) if PREFIX in line.original.string.upper()]
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file.absolute()} is not UTF-8 text (byte {error.start}: {error.reason}). Nothing was started. Save it "
            "as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file.absolute()} cannot be read ({error.strerror}). Nothing was started. Make it readable, or delete it."
        ) from error
    return [name for line in lines if (name := _name(file, line)).upper().startswith(PREFIX)]


def unknown(names: Iterable[str], settings: Sequence[str]) -> dict[str, str | None]:
    """The names that begin as ours do and are none of `settings`, each with the nearest setting, if one is near."""
    known = [PREFIX + setting.upper() for setting in settings]
    strange = [name for name in names if name.upper().startswith(PREFIX) and name.upper() not in {*known, *INTERNAL}]
    return {name: next(iter(get_close_matches(name.upper(), known, n=1)), None) for name in sorted(set(strange))}


def refuse_unknown(names: Iterable[str], settings: Sequence[str]) -> None:
    """Raise ConfigurationError when a variable looks like a setting and is none."""
    strange = unknown(names, settings)
    if not strange:
        return
    said = "; ".join(f"{name} is no setting" + (f", {near} is" if near else "") for name, near in strange.items())
    raise ConfigurationError(
        f"{said}. Nothing was started. Correct it in the environment or in .env, or unset it; docs/operations.md lists "
        "every setting."
    )


def _name(file: Path, line: Binding) -> str:
    """The name that a line gives a value to; empty for a comment."""
    text = line.original.string.strip()
    if line.key is not None and line.value is not None:
        return line.key
    if text.startswith("#") or not (line.error or line.key):
        return ""
    raise ConfigurationError(
        f"Line {line.original.line} of {file.absolute()} cannot be read: {text.partition('=')[0][:60]!r}. Nothing was "
        "started. Write NAME=value."
    )
