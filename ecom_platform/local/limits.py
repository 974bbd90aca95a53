"""What a shell allows to the programs it starts (`ulimit`), and what ours need of it."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass

from ecom_platform.errors import ConfigurationError

USEFUL_OPEN_FILES = 4096
UNLIMITED = resource.RLIM_INFINITY


@dataclass(frozen=True)
class _Limit:
    """One limit: what of it, the flag of `ulimit`, the least we need, how many bytes or files one of its units is."""

    resource: int
    words: str
    flag: str
    least: int
    unit: int = 1


LIMITS = (
    _Limit(resource.RLIMIT_NOFILE, "open files", "-n", 1024),  # Spark's JVM alone has four hundred jars open
    _Limit(resource.RLIMIT_FSIZE, "kB of one file", "-f", 4 * 1024**3, 1024),
    _Limit(resource.RLIMIT_AS, "kB of address space", "-v", 64 * 1024**3, 1024),
)


def hard_limits() -> dict[int, int]:
    """What this process may raise its limits to, by the number of the resource."""
    return {limit.resource: resource.getrlimit(limit.resource)[1] for limit in LIMITS}


def shortfalls(hard: Mapping[int, int]) -> list[str]:
    """Each limit that is too low, with what it is and the command that raises it."""
    low = [limit for limit in LIMITS if hard[limit.resource] != UNLIMITED and hard[limit.resource] < limit.least]
    return [
        f"{hard[limit.resource] // limit.unit} {limit.words} are allowed, {limit.least // limit.unit} are needed "
        f"(`ulimit {limit.flag}`)"
        for limit in low
    ]


def refuse_low_limits(hard: Mapping[int, int]) -> None:
    """Raise ConfigurationError when a limit is too low: servers would die of it, each in words of its own."""
    low = shortfalls(hard)
    if low:
        raise ConfigurationError(
            f"This shell allows too little to programs: {'; '.join(low)}. Nothing was started. Raise it, for "
            "example in /etc/security/limits.conf, log in again, and run the command again."
        )


def open_files(hard: Mapping[int, int]) -> int:
    """How many files each program may have open: the manager raises its own limit to this, and they inherit it."""
    most = hard[resource.RLIMIT_NOFILE]
    return USEFUL_OPEN_FILES if most == UNLIMITED else min(most, USEFUL_OPEN_FILES)
