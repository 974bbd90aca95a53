"""What the trial on bare machines decides without making one."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from ecom_platform_tests import bare


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        (
            "Types: deb\n# URIs: http://old.example/\nURIs: http://mirror.example/debian\nSuites: x\n",
            "http://mirror.example/debian",
        ),
        (
            "# deb http://old.example/ x main\ndeb [signed-by=/a.gpg] http://b.example/debian x main\n",
            "http://b.example/debian",
        ),
        ("deb-src http://source.example/ x main\n", None),
    ],
)
def test_the_mirror_is_the_one_of_the_machines_apt(text: str, mirror: str | None) -> None:
    """In both of its formats; it stands in no file of the repository."""
    assert bare.mirror_of(["", text]) == mirror


def test_a_report_shows_what_was_passed_on_and_what_was_said_last() -> None:
    """A failure can be told from it, and so can help from outside."""
    outcome = bare.Outcome("x", "Debian 12 (x), Python 3.11.2", "make demo", 3, 61.4, "mongod died\nmake: Error 3")

    text = bare.report([outcome], ["/etc/resolv.conf", "the variable A"], datetime(2026, 11, 29, tzinfo=UTC))

    assert "| Debian 12 (x), Python 3.11.2 | `make demo` | 3 | 61 |" in text
    assert "/etc/resolv.conf, the variable A." in text
    assert "```\nmongod died\nmake: Error 3\n```" in text


def test_who_is_not_root_is_told_so_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a trial that not everybody can make."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert bare.main([]) == 0
    assert capsys.readouterr().out == "Skipped: only root can make a tree and change into it.\n"
