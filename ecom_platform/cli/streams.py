"""Standard streams that take all that is written: a command ends its work, also when its reader is gone."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from typing import cast

# The reader of a pipe has ended (`ecom down | head -1`); the terminal was closed.
_UNREAD = frozenset({errno.EPIPE, errno.EIO})


class EnduringStream(TextIOWrapper):
    """A stream that discards what is written once its reader has gone; a full disk is an error, once."""

    def write(self, text: str, /) -> int:
        """As of every stream."""
        try:
            return super().write(text)
        except OSError as error:
            self._discard_from_now_on(error)
            return len(text)

    def flush(self) -> None:
        """As of every stream."""
        try:
            super().flush()
        except OSError as error:
            self._discard_from_now_on(error)

    def _discard_from_now_on(self, error: OSError) -> None:
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, self.fileno())
        os.close(void)
        super().flush()  # what was held back: the interpreter would fail with it at its end, with a code of its own
        if error.errno not in _UNREAD:
            raise error


def take_standard_streams() -> None:
    """Replace the standard streams of this process; call it once, before anything is written or opened.

    A stream that was closed (`>&-`, some services) becomes one to the null device. Otherwise its number would go to the
    next file that is opened, and programs that are started would write into that.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
    sys.stdout = _taken(sys.stdout, 1)
    sys.stderr = _taken(sys.stderr, 2)


def _taken(stream: object, number: int) -> EnduringStream:
    if stream is None:  # it was closed when the interpreter started
        return EnduringStream(os.fdopen(number, "wb", closefd=False), encoding="utf-8", errors="replace")
    text = cast(TextIOWrapper, stream)
    encoding, line_buffering = text.encoding, text.line_buffering
    # A terminal that knows no ✓ gets a question mark.
    return EnduringStream(text.detach(), encoding=encoding, errors="replace", line_buffering=line_buffering)
