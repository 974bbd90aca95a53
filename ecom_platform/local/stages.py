"""Start-up told as it happens: every stage with its wall and CPU seconds, which are a budget on a small machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psutil

from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import processes


class Stages:
    """Writes one line per stage; safe to use from several threads."""

    def __init__(self, instance: Instance, write: Callable[[str], None]) -> None:
        self._instance = instance
        self.write = write
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.monotonic() - self._started

    def say(self, part: str, what: str) -> None:
        """Report a stage: `[ 12.3 s |  20.1 CPU s] Kafka ready at ...`."""
        with self._lock:
            self.write(f"[{self.seconds():5.1f} s | {self._cpu_seconds():5.1f} CPU s] {part:9} {what}")

    def _cpu_seconds(self) -> float:
        """CPU seconds of this process and of everything alive in the instance, with their ended children."""
        total = 0.0
        for process in (psutil.Process(), *processes(self._instance)):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue  # ended meanwhile
            total += times.user + times.system + times.children_user + times.children_system
        return total
