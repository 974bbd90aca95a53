"""A reset deletes everything, also one that was killed in its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecom_platform import local
from ecom_platform.local.instance import Instance
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.platform import up
from ecom_platform.settings import Settings

KILLED = """
import os, pathlib, shutil, sys
from ecom_platform import local
from ecom_platform.settings import Settings
left = int(sys.argv[2])

def killed_at(step):
    def killed(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return step(*arguments, **options)
    return killed

pathlib.Path.rename = killed_at(pathlib.Path.rename)
shutil.rmtree = killed_at(shutil.rmtree)
local.reset(Settings(_env_file=None, home=sys.argv[1]))
"""
STEPS = 12


@pytest.fixture
def used(own: Settings) -> Settings:
    """An instance with something in every folder."""
    instance = Instance.of(own)
    instance.create()
    for folder in (instance.data, instance.credentials, instance.home / "ledger"):
        folder.mkdir(exist_ok=True)
        (folder / "of the former life").touch()
    return own


def kill_a_reset(settings: Settings, after_steps: int) -> int:
    """Its exit code: 9 when it was killed before its next step."""
    argv = [sys.executable, "-c", KILLED, str(settings.home), str(after_steps)]
    return subprocess.run(argv, check=False, timeout=60).returncode


def test_a_killed_reset_is_ended_by_the_next(used: Settings) -> None:
    """Killed at every one of its steps; it used to refuse what was left, as a folder without an instance."""
    killed = 0
    for steps in range(STEPS):
        Instance.of(used).create()
        (used.home / "data" / "orders").touch()
        killed += kill_a_reset(used, steps) == 9
        local.reset(used)

        assert not used.home.exists()
    assert killed > 3


@pytest.mark.servers
def test_a_start_after_a_killed_reset_finds_nothing_of_before(used: Settings) -> None:
    """Data without its passwords, or a ledger without its orders, would be a riddle."""
    assert kill_a_reset(used, 2) == 9

    up(used, servers=(MONGODB,))

    assert list(used.home.rglob("of the former life")) == []
    MONGODB.check(up(used, servers=(MONGODB,)), 5.0)


def test_what_cannot_be_moved_is_emptied(used: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume that is mounted in the home, or as the home."""

    def refuse(path: Path, target: Path) -> Path:
        raise OSError(16, "Device or resource busy", str(path), None, str(target))

    monkeypatch.setattr(Path, "rename", refuse)

    local.reset(used)

    assert list(used.home.parent.rglob("of the former life")) == []
