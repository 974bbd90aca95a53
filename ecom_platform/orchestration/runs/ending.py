"""A run from inside: its name, how it learns that it is asked to end, clean-up that no interrupt cuts short."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import dagster as dg

LOG = logging.getLogger(__name__)


def owner_of(context: dg.OpExecutionContext) -> str:
    """The run, as leases name their holder."""
    return f"Dagster run {context.run_id[:8]}"


def run_ending(context: dg.OpExecutionContext) -> str | None:
    """Why this run should end, as far as Dagster's storage knows; None also when it cannot be read now.

    A cancel normally arrives as a signal. It cannot after the code server was replaced: the new one does not know this
    process, so the status is all that tells.
    """
    try:
        run = context.instance.get_run_by_id(context.run_id)
    except Exception:
        # A locked database file, say. The next look is seconds away, a wrong end would cost a restart.
        LOG.warning("The status of run %s cannot be read now", context.run_id, exc_info=True)
        return None
    if run is None:
        return "The run was deleted."
    if run.is_finished or run.status is dg.DagsterRunStatus.CANCELING:
        return f"The run is {run.status.value}."
    return None


def end_if_asked(context: dg.OpExecutionContext) -> None:
    """Raise what a cancel raises, when this run is being cancelled or was already reported as ended."""
    if (reason := run_ending(context)) is not None:
        raise dg.DagsterExecutionInterruptedError(reason)


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
