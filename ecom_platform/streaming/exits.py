"""How the stream ends: its exit code, the last line of its log, and what they ask for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from ecom_platform.errors import ConfigurationError, EcomError, Fenced, NeedsPerson, UnavailableError, UsageError

ENDED: Final = "stream_ended error="
_TEXT: Final = " text="
_ERRORS: Final[dict[int, type[EcomError]]] = {
    error.exit_code: error for error in (UsageError, ConfigurationError, UnavailableError, Fenced, NeedsPerson)
}


class Verdict(StrEnum):
    """What to do after a child ended."""

    STOPPED = "stopped"
    RESTART = "restart"
    FENCED = "fenced"
    NEEDS_PERSON = "needs-person"


_VERDICTS: Final = {
    0: Verdict.STOPPED,
    # The command line and the settings are ours: the same call would fail the same way for ever.
    UsageError.exit_code: Verdict.NEEDS_PERSON,
    ConfigurationError.exit_code: Verdict.NEEDS_PERSON,
    NeedsPerson.exit_code: Verdict.NEEDS_PERSON,
    Fenced.exit_code: Verdict.FENCED,
    UnavailableError.exit_code: Verdict.RESTART,
}


def ended_line(error: EcomError) -> str:
    """The last line that the stream logs when it ends with an error; Spark may log more behind it."""
    return f"{ENDED}{type(error).__name__}{_TEXT}{error}"


def error_said(lines: Sequence[str]) -> tuple[str, str] | None:
    """The name and the text of the error in a log's last such line; None when there is none."""
    line = next((line for line in reversed(lines) if ENDED in line), None)
    if line is None:
        return None
    name, _, text = line.partition(ENDED)[2].partition(_TEXT)
    return name, text.strip()


def error_of(code: int) -> type[EcomError]:
    """The error that an exit code stands for; a crash may pass like an unavailable server."""
    return _ERRORS.get(code, UnavailableError)


def judge(code: int) -> Verdict:
    """The verdict on an exit code; any code that is not agreed on, and any signal, is a crash."""
    return _VERDICTS.get(code, Verdict.RESTART)


def describe(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"killed by signal {-code}"
    words = {0: "stopped", 2: "usage", 3: "configuration", 4: "a server was unavailable", 5: "fenced"}
    return f"exit code {code} ({words.get(code, 'a person must decide' if code == 6 else 'crash')})"
