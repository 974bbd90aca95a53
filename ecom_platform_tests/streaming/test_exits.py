"""What the exit code of the streaming job asks for."""

from __future__ import annotations

import pytest

from ecom_platform.streaming.exits import Verdict, describe, judge


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0, Verdict.STOPPED),
        (1, Verdict.RESTART),
        (2, Verdict.NEEDS_PERSON),
        (3, Verdict.NEEDS_PERSON),
        (4, Verdict.RESTART),
        (5, Verdict.FENCED),
        (6, Verdict.NEEDS_PERSON),
        (-9, Verdict.RESTART),
        (137, Verdict.RESTART),
    ],
)
def test_only_servers_and_crashes_are_tried_again(code: int, verdict: Verdict) -> None:
    """A wrong setting stays wrong, a lost fence stays lost, lost data stays lost."""
    assert judge(code) is verdict


def test_a_signal_is_named() -> None:
    """A person reads -9 as nothing."""
    assert describe(-9) == "killed by signal 9"
