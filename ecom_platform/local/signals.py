"""The signals that end a command as Ctrl-C does, wherever it was started: a terminal, a script, the background."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The first signal is a KeyboardInterrupt; later ones are ignored, or half of the work would be left undone."""

    def ignore(self) -> None:
        """From now on no signal ends anything."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def take(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        del number, frame
        self.ignore()
        raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Take the signals inside.

    A shell ignores SIGINT for what it starts in the background, and it is taken all the same: a person who sends it
    means it. An ignored SIGHUP stays ignored: `nohup` asks for that.
    """
    taken = Interrupts()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if number != signal.SIGHUP or handler != signal.SIG_IGN:
            signal.signal(number, taken.take)
    try:
        yield taken
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
