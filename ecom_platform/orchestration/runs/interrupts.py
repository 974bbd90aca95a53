"""A stretch of code that a second interrupt cannot cut short."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def shielded() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM inside; meant for bounded clean-up only.

    Dagster turns a cancel into an exception raised wherever the main thread is. A person who presses cancel twice
    would otherwise interrupt the very code that ends the child. Handlers are replaced rather than masked, because
    Dagster raises the interrupt from a thread of the same process. Outside the main thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ignore(_number: int, _frame: FrameType | None) -> None:
        return None

    saved = {number: signal.signal(number, ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
