"""Files that a reader, or a crash at any moment, sees either as they were or as they shall be; the ends of logs."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(file: Path, content: bytes | str) -> None:
    """Replace a file, or make it; only its owner can ever read it. Raises OSError."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content if isinstance(content, bytes) else content.encode())
        output.flush()
        os.fsync(descriptor)
    draft.replace(file)


def size_of(file: Path) -> int:
    """Its bytes; 0 when there is none."""
    return file.stat().st_size if file.exists() else 0


def text_since(file: Path, start_bytes: int, most_bytes: int = 200_000) -> str:
    """What a log says behind its first bytes, the end of that when it is much; all of one that was begun again.

    Nothing when there is none.
    """
    try:
        with file.open("rb") as log:
            size = file.stat().st_size
            log.seek(max(start_bytes if start_bytes <= size else 0, size - most_bytes))
            return log.read().decode(errors="replace")
    except OSError:
        return ""
