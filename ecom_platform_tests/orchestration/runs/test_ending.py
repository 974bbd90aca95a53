"""Clean-up that a second cancel cannot cut short."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ecom_platform.orchestration.runs.ending import shielded


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_inside_is_ignored_and_the_handlers_come_back(number: signal.Signals) -> None:
    """Afterwards the old handler is in force."""
    before = signal.getsignal(number)

    with shielded():
        os.kill(os.getpid(), number)

    assert signal.getsignal(number) is before


def test_outside_the_main_thread_it_does_nothing() -> None:
    """Handlers belong to the main thread."""
    entered: list[bool] = []

    def enter() -> None:
        with shielded():
            entered.append(True)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert entered == [True]
