"""The whole demo, as a newcomer starts it: everything is live, nothing is open, no password is to be seen."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import processes
from ecom_platform.settings import Settings
from ecom_platform_tests.canary import files_with_passwords, processes_with_passwords
from ecom_platform_tests.conftest import FREE_PORTS
from ecom_platform_tests.programs import LOOPBACK, listening, until

pytestmark = [pytest.mark.servers, pytest.mark.full]

LIVE_SECONDS = 60
START_SECONDS = 240


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, subprocess.Popen[str]]]:
    """A demo on free ports that runs for a minute."""
    home = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_HOME", str(home))
    for name, port in FREE_PORTS.items():
        monkeypatch.setenv(f"ECOM_{name.upper()}", str(port))
    argv = [sys.executable, "-m", "ecom_platform.cli", "demo", "--for", str(LIVE_SECONDS), "--no-browser"]
    with (tmp_path / "said.log").open("w") as said:
        started = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=said, text=True)
    yield Settings(_env_file=None, home=home), started
    started.terminate()
    started.wait(120)


@pytest.mark.timeout(900)
def test_a_demo_opens_nothing_shows_no_password_and_adds_up(demo: tuple[Settings, subprocess.Popen[str]]) -> None:
    """Looked at while it lives, and everything it leaves behind afterwards."""
    settings, started = demo
    instance = Instance.of(settings)
    said = settings.home.parent / "said.log"
    until("it is live", lambda: started.poll() is not None or "Everything is live" in said.read_text(), START_SECONDS)
    assert started.poll() is None, said.read_text()
    time.sleep(LIVE_SECONDS / 2)

    found = processes(instance)
    names = {process.name() for process in found}
    assert {"java", "mongod"} < names
    assert set() < listening(found) <= LOOPBACK
    assert processes_with_passwords(instance.credentials, found) == []

    verdict, _ = started.communicate(timeout=600)
    assert json.loads(verdict)["reconciled"] is True
    assert "did not end its runs in order" not in said.read_text()
    assert files_with_passwords(instance.credentials, [settings.home.parent]) == []
