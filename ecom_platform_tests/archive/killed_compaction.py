"""A program that compacts and kills itself: `python -m … <settings as JSON> <steps done> <seconds>`.

It does so that many seconds after so many steps. What a kill leaves is left: nothing is caught, closed or given back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from ecom_platform.archive.archiver_lease import held_archiver
from ecom_platform.archive.compact import compact
from ecom_platform.settings import Settings
from ecom_platform.store import database


def main(settings_json: str, steps: str, seconds: str) -> None:
    """Compact until the point, then kill -9."""
    settings = Settings.model_validate_json(settings_json)

    def progress(step: str, done: int, total: int) -> None:
        if done != int(steps):
            return
        if not float(seconds):
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Timer(float(seconds), os.kill, (os.getpid(), signal.SIGKILL)).start()

    with held_archiver(settings, database(settings), progress=progress) as archiver:
        compact(archiver)


if __name__ == "__main__":
    main(*sys.argv[1:])
