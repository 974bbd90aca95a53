"""A polite request to stop: SIGTERM and Ctrl-C set a flag; the loop finishes its batch and saves."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Give an event that is set by SIGTERM or Ctrl-C; outside of the main thread it is never set."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return
    before = {number: signal.signal(number, lambda *_: requested.set()) for number in _SIGNALS}
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
