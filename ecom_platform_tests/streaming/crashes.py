"""Kill parts of a real stream at random moments, on progress rather than on a timer, and start it again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, read_offsets
from ecom_platform.streaming.child import end_group
from ecom_platform.streaming.lag import read_lag
from ecom_platform.streaming.process import StreamCommand, start_stream
from ecom_platform_tests.streaming.streams import next_token, python_workers

VICTIMS = ("driver", "python worker", "mongod")
LIMIT_SECONDS = 900.0


@dataclass
class Crashes:
    """What happened: kills by victim, and how often the stream was started."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0

    def row(self) -> str:
        """A line for a report."""
        return ", ".join(f"{count} × {victim}" for victim, count in sorted(self.kills.items()))


def consume_under_fire(
    settings: Settings,
    db: MongoDatabase,
    platform: Any,
    plan: list[str],
    *,
    seed: int,
    delete_checkpoint: bool = False,
) -> Crashes:
    """Run the stream until the topic is applied, killing the victims of `plan` in turn.

    Each kill waits until the stream has applied something new since the last one, then for a random moment, so that
    it falls into different steps of a chunk; at the end the plan must have been carried out, or the test proves less
    than it says.

    Args:
        plan: victims in order, of VICTIMS.
        delete_checkpoint: delete Spark's checkpoint before every start.
    """
    rng = random.Random(seed)
    done = Crashes()
    deadline = time.monotonic() + LIMIT_SECONDS
    waiting = list(plan)
    child: subprocess.Popen[bytes] | None = None
    seen = _applied(settings, db)
    try:
        while waiting or read_lag(settings, db).total:
            assert time.monotonic() < deadline, f"not done after {LIMIT_SECONDS:.0f} s: {done}, still to kill {waiting}"
            if child is None or child.poll() is not None:
                child = _start(settings, db, delete_checkpoint=delete_checkpoint)
                done.starts += 1
            if waiting and _applied(settings, db) > seen:
                time.sleep(rng.uniform(0, 0.7))
                if _kill(waiting[0], child, platform):
                    done.kills[waiting.pop(0)] += 1
                platform.ensure_up()
                seen = _applied(settings, db)
            time.sleep(0.05)
    finally:
        if child is not None:
            end_group(child)
    return done


def _start(settings: Settings, db: MongoDatabase, *, delete_checkpoint: bool) -> subprocess.Popen[bytes]:
    if delete_checkpoint:
        shutil.rmtree(settings.home / "spark" / "checkpoints", ignore_errors=True)
    return start_stream(settings, StreamCommand(next_token(db)), settings.logs / "stream.log")


def _kill(victim: str, child: subprocess.Popen[bytes], platform: Any) -> bool:
    """Kill with SIGKILL; False when the victim was not there to be killed."""
    if victim == "driver":
        child.kill()
        child.wait()
        _end_group(child.pid)
        return True
    if victim == "mongod":
        os.kill(platform.pid("mongodb"), signal.SIGKILL)
        return True
    workers = python_workers(child) if child.poll() is None else []
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    return bool(workers)


def _end_group(group: int) -> None:
    """The JVM dies with its driver; wait for that, as a successor on the same machine would not."""
    gone = [process for process in psutil.process_iter() if _in_group(process, group)]
    assert not psutil.wait_procs(gone, timeout=30)[1], "the JVM outlived its driver"


def _in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group
    except ProcessLookupError:
        return False


def _applied(settings: Settings, db: MongoDatabase) -> int:
    return sum(offsets.counters.total for offsets in read_offsets(db, settings.topic).values())
