"""Files that a reader, or a crash at any moment, sees either as they were or as they shall be."""

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
