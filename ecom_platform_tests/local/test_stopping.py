"""How everything ends: in two waves, each at once, on every signal and wherever it was started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecom_platform.local.demo_programs import COMPANIONS
from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import processes
from ecom_platform.local.programs import Program
from ecom_platform.local.signals import interrupts
from ecom_platform.local.stopping import end_everything, waves
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.settings import Settings
from ecom_platform_tests.programs import until

SERVERS = ("datanode", "kafka", "mongodb", "namenode")

# Ends only when all of its wave were asked to, and says whether the first wave had ended before it was asked.
MEMBER = """
import pathlib, signal, sys, time
name, wave, first = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
def asked(number, frame):
    pathlib.Path(f"asked-{name}").touch()
    after = all(pathlib.Path(f"ended-{one}").exists() for one in first)
    while not all(pathlib.Path(f"asked-{one}").exists() for one in wave):
        time.sleep(0.01)
    pathlib.Path(f"ended-{name}").write_text("after the first wave" if after else "in the first wave")
    sys.exit(0)
signal.signal(signal.SIGTERM, asked)
pathlib.Path(f"lives-{name}").touch()
while True:
    signal.pause()
"""

# What `ecom demo` does with its signals, and nothing else.
COMMAND = """
import signal, sys, time
from ecom_platform.local.signals import interrupts
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), signal.SIG_IGN)
with interrupts() as signals:
    try:
        try:
            print("ready", flush=True)
            time.sleep(600)
        finally:
            signals.ignore()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    finally:
        sys.stdin.readline()
        print("cleaned up", flush=True)
"""


def test_runs_end_before_what_they_need_and_the_simulator_before_its_kafka() -> None:
    """The code server passes the cancel on, and the servers take what a run and the simulator still have to write."""
    first, last = waves([*COMPANIONS, *SERVERS])

    assert sorted(first) == ["dagster-daemon", "dagster-webserver", "dashboard", "simulator"]
    assert sorted(last) == ["dagster-code-server", *SERVERS]


def test_programs_of_a_wave_are_asked_at_once_and_the_second_wave_after_the_first(tmp_path: Path) -> None:
    """Each waits for the others of its wave to be asked: one after the other, none would end by itself."""
    instance = Instance(tmp_path / "home")
    instance.create()
    first, last = ["dashboard", "simulator"], ["kafka", "mongodb"]
    script = tmp_path / "member.py"
    script.write_text(MEMBER)
    manager = Supervisord(instance)
    programs = [
        Program(name, [sys.executable, str(script), name, " ".join(wave), " ".join(first)], stop_seconds=60)
        for wave in (first, last)
        for name in wave
    ]
    manager.apply(programs)
    for name in (*first, *last):
        manager.start(name)
    until("all live", lambda: all((instance.home / f"lives-{name}").exists() for name in (*first, *last)))

    end_everything(Settings(_env_file=None, home=instance.home), instance, lambda *_: None, "a test")

    said = {name: (instance.home / f"ended-{name}").read_text() for name in (*first, *last)}
    assert said == dict.fromkeys(first, "in the first wave") | dict.fromkeys(last, "after the first wave")
    assert processes(instance) == []


@pytest.mark.parametrize(("name", "ignored"), [("SIGINT", ["SIGINT"]), ("SIGTERM", []), ("SIGHUP", ["SIGINT"])])
def test_a_signal_interrupts_once_and_lets_the_rest_be_done(name: str, ignored: list[str]) -> None:
    """A shell ignores SIGINT for what it starts in the background; whoever sends it means it."""
    told = getattr(signal, name)
    with started(ignored) as command:
        assert command.stdout.readline() == "ready\n"
        command.send_signal(told)
        assert command.stdout.readline() == "interrupted\n"
        for impatient in (signal.SIGINT, signal.SIGTERM, told):
            command.send_signal(impatient)
        said, _ = command.communicate("\n", timeout=60)

    assert (said, command.returncode) == ("cleaned up\n", 0)


def test_what_was_started_to_outlive_its_terminal_does() -> None:
    """`nohup` ignores SIGHUP, and so it stays; afterwards all handlers are those of before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts():
            inside = signal.getsignal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGINT) != before[signal.SIGINT]
        after = {number: signal.getsignal(number) for number in numbers}
    finally:
        signal.signal(signal.SIGHUP, before[signal.SIGHUP])

    assert inside == signal.SIG_IGN
    assert after == before | {signal.SIGHUP: signal.SIG_IGN}


def started(ignored: list[str]) -> subprocess.Popen[str]:
    """The command, for which some signals were ignored when it began."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *ignored], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
