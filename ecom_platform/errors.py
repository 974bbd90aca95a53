"""Every error this platform raises on purpose. The type says what to do next.

::

    EcomError                     anything below; carries the exit code of the command line
     ├── UsageError          (2)  fix the command
     ├── ConfigurationError  (3)  fix a setting or install something
     │    └── OutOfMemory         a heap is too small for what it was given
     ├── UnavailableError    (4)  a server does not answer: try again later
     ├── Fenced              (5)  another writer took over: stop, never retry
     ├── NeedsPerson         (6)  going on could hide lost data: a person decides
     │    ├── DataLost            Kafka no longer holds offsets that were never applied
     │    ├── TopicReplaced       the topic was deleted and created again
     │    ├── Unreadable          Kafka holds bytes that are not records any more
     │    └── PoisonedTopic       too many events in a row are dead letters
     └── AccountingError     (1)  an equation does not hold: a bug, or a foreign program wrote to the stores

The text of an error says what failed, at which step, which state was left behind, and the next command to run.
"""

from __future__ import annotations

from typing import ClassVar


class EcomError(Exception):
    """Base of every deliberate error; `exit_code` is what a command ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(EcomError):
    """The command was given something it cannot use; nothing was started."""

    exit_code = 2


class ConfigurationError(EcomError):
    """A setting is wrong or a program is missing; trying again without a change is useless."""

    exit_code = 3


class OutOfMemory(ConfigurationError):
    """A program has less memory than its data takes; the setting is named."""


class UnavailableError(EcomError):
    """A server does not answer; the same call may succeed later."""

    exit_code = 4


class Fenced(EcomError):
    """Another writer holds a newer token; this one must stop and must not retry."""

    exit_code = 5


class NeedsPerson(EcomError):
    """The stream stopped because going on by itself could hide lost data."""

    exit_code = 6


class DataLost(NeedsPerson):
    """Kafka deleted offsets that were never applied (retention shorter than the outage)."""


class TopicReplaced(NeedsPerson):
    """The topic has another id than the one whose offsets are stored."""


class Unreadable(NeedsPerson):
    """Kafka holds bytes that cannot be read as records: a damaged batch, or one of an unknown format."""


class PoisonedTopic(NeedsPerson):
    """At least 100 of a partition's last 2,000 events, and more than a fifth, were dead letters."""


class AccountingError(EcomError):
    """An accounting equation does not hold."""
