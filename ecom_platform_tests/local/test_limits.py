"""Limits of the shell that would end our servers are named before one is started."""

from __future__ import annotations

import resource

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.local.limits import UNLIMITED, hard_limits, open_files, refuse_low_limits, shortfalls

PLENTY = dict.fromkeys(hard_limits(), UNLIMITED)


@pytest.mark.parametrize(
    ("low", "named"),
    [
        ({resource.RLIMIT_NOFILE: 256}, "256 open files are allowed, 1024 are needed (`ulimit -n`)"),
        (
            {resource.RLIMIT_AS: 4 * 1024**3},
            "4194304 kB of address space are allowed, 67108864 are needed (`ulimit -v`)",
        ),
        ({resource.RLIMIT_FSIZE: 1024}, "1 kB of one file are allowed, 4194304 are needed (`ulimit -f`)"),
    ],
)
def test_a_low_limit_is_named_with_the_command_that_raises_it(low: dict[int, int], named: str) -> None:
    """In the units of that command."""
    assert shortfalls({**PLENTY, **low}) == [named]
    with pytest.raises(ConfigurationError, match="Nothing was started"):
        refuse_low_limits({**PLENTY, **low})


def test_enough_is_enough() -> None:
    """The defaults of Debian and of macOS, which allow more than they give."""
    refuse_low_limits(PLENTY)
    refuse_low_limits({**PLENTY, resource.RLIMIT_NOFILE: 1024})


@pytest.mark.parametrize(("hard", "wanted"), [(UNLIMITED, 4096), (1_048_576, 4096), (1024, 1024)])
def test_programs_may_open_what_they_need_whatever_the_shell_gave(hard: int, wanted: int) -> None:
    """A Mac gives 256 and allows any number."""
    assert open_files({resource.RLIMIT_NOFILE: hard}) == wanted
