"""`ecom stream`: hold the lease, run the stream as a child, renew until it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from types import FrameType

from ecom_platform.files import size_of, text_since
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, ensure_schema, open_database
from ecom_platform.store.leases import STREAM_ROLE
from ecom_platform.streaming.child import end_group
from ecom_platform.streaming.exits import error_of, error_said
from ecom_platform.streaming.process import StreamCommand, start_stream
from ecom_platform.streaming.skips import Skip

RENEW_SECONDS = 5.0


def run(
    settings: Settings,
    *,
    available_now: bool = False,
    accept_loss: bool = False,
    accept_dead: bool = False,
    skips: tuple[Skip, ...] = (),
) -> None:
    """Run the stream in the foreground until it ends or this process is told to stop.

    Raises:
        Fenced: another stream runs, or took over.
        EcomError: what the stream ended with.
    """
    log_file = settings.logs / "stream.log"
    with open_database(settings) as db:
        ensure_schema(db)
        lease = Lease.acquire(db, STREAM_ROLE, owner=f"ecom stream on {socket.gethostname()}")
        try:
            command = StreamCommand(lease.token, available_now, accept_loss, accept_dead, skips)
            said_before = size_of(log_file)
            child = start_stream(settings, command, log_file)
            told_to_stop = _forward_signals(child)
            code = _wait(child, lease)
        finally:
            lease.release()
    if code and not (told_to_stop and code < 0):
        raise error_of(code)(_last_error(log_file, said_before, code))


def _wait(child: subprocess.Popen[bytes], lease: Lease) -> int:
    """Wait for the child; renew the lease meanwhile."""
    try:
        while True:
            try:
                return child.wait(timeout=RENEW_SECONDS)
            except subprocess.TimeoutExpired:
                lease.keep()  # a MongoDB that does not answer: the child finds out by itself
    finally:
        end_group(child)


def _forward_signals(child: subprocess.Popen[bytes]) -> list[int]:
    """Pass SIGTERM and Ctrl-C on to the child; returns the list that they will be noted in."""
    seen: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        del frame
        seen.append(number)
        child.terminate()

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    return seen


def _last_error(log_file: Path, said_before: int, code: int) -> str:
    """The text the stream ended with, from what its log says after `said_before` bytes."""
    if said := error_said(text_since(log_file, said_before).splitlines()):
        return said[1]
    return f"The stream ended with exit code {code}. What was committed stays. Its log is {log_file}."
