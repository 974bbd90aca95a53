"""What the exit code of the streaming job asks for. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ecom_platform.errors import ConfigurationError, Fenced, NeedsPerson, UnavailableError, UsageError

__all__ = ["Verdict", "describe", "judge"]


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


def judge(code: int) -> Verdict:
    """The verdict on an exit code; any code that is not agreed on, and any signal, is a crash."""
    return _VERDICTS.get(code, Verdict.RESTART)


def describe(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"killed by signal {-code}"
    words = {0: "stopped", 2: "usage", 3: "configuration", 4: "a server was unavailable", 5: "fenced"}
    return f"exit code {code} ({words.get(code, 'a person must decide' if code == 6 else 'crash')})"
