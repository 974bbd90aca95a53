"""Whether the stream can start at all, told by its log. Pure.

Each start begins with a line of its launcher. One that ended before it applied anything has failed; the same failure
again and again will not mend itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ecom_platform.streaming.exits import ENDED, error_said

STARTING = "stream_starting"
_APPLIED, _CRASHED, _STOPPED = "batch_applied", "stream_crashed", "INFO stream_ended"
_FOR_A_PERSON = frozenset({"UsageError", "ConfigurationError", "NeedsPerson", "DataLost", "TopicReplaced"})
_NO_REASON = ("Error: Could not create the Java Virtual Machine.", "Error: A fatal exception has occurred.")
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d |\d\d/\d\d/\d\d |WARN|Using Spark|Setting |To adjust")


@dataclass(frozen=True)
class Failure:
    """How a start ended: the name of our error (empty: it crashed), and in which words."""

    error: str
    words: str

    @property
    def enough(self) -> int:
        """How many of them in a row mean that it never will."""
        if self.error in _FOR_A_PERSON:
            return 1  # it is not started again
        return 4 if self.error == "UnavailableError" else 2  # a server may still be coming up

    def same(self, other: Failure) -> bool:
        """Whether both are one fault; ports and process numbers differ every time."""
        return (self.error, _without_numbers(self.words)) == (other.error, _without_numbers(other.words))


def hopeless(log: Sequence[str]) -> Failure | None:
    """The failure that the last starts in a log have in common, once there are enough of them."""
    failures = [_failure(start) for start in _ended_starts(log)]
    last = failures[-1] if failures else None
    if last is None:
        return None
    row = 0
    for failure in reversed(failures):
        if failure is None or not failure.same(last):
            break
        row += 1
    return last if row >= last.enough else None


def _ended_starts(log: Sequence[str]) -> list[Sequence[str]]:
    """The lines of every start that has ended: another one follows it, or it says so itself."""
    begins = [number for number, line in enumerate(log) if STARTING in line]
    starts = [log[begin + 1 : end] for begin, end in pairwise([*begins, len(log)])]
    if starts and not any(ENDED in line or _CRASHED in line for line in starts[-1]):
        starts.pop()
    return starts


def _failure(start: Sequence[str]) -> Failure | None:
    """How one start failed; None for one that did its work, or was told to stop."""
    if any(_APPLIED in line or _STOPPED in line for line in start):
        return None
    if said := error_said(start):
        return Failure(*said)
    return Failure("", _words_of_a_crash([line.strip() for line in start if line.strip()]))


def _words_of_a_crash(lines: Sequence[str]) -> str:
    """The last line, and before it what Java or a shell said: that stands above the trace of Python."""
    crash = next((number for number, line in enumerate(lines) if _CRASHED in line), None)
    if crash is None:
        return lines[-1] if lines else "It said nothing."
    said = last_reasons(lines[:crash])
    return f"{lines[-1]} Before that: {said}" if said else lines[-1]


def last_reasons(lines: Sequence[str]) -> str:
    """The last two lines of a program that give a reason; its log and what every failed JVM says are none."""
    return " ".join([line for line in lines if not (_LOG_LINE.match(line) or line.startswith(_NO_REASON))][-2:])


def _without_numbers(words: str) -> str:
    return re.sub(r"\d+", "0", words)
