"""A program that archives and kills itself: `python -m … <settings as JSON> <step> <seconds>`.

It does so that many seconds after it reported the step as done; with "half" instead of a number, in its middle. What a
kill leaves is left: nothing is caught, closed or given back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from ecom_platform.archive.run import archive
from ecom_platform.settings import Settings
from ecom_platform.store import database
from ecom_platform_tests.archive.moving import POLICY


def main(settings_json: str, step: str, when: str) -> None:
    """Archive until the point, then kill -9."""
    settings = Settings.model_validate_json(settings_json)

    def progress(reached: str, done: int, total: int) -> None:
        if reached != step or (done < total) != (when == "half"):
            return
        if when in ("half", "0"):
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Timer(float(when), os.kill, (os.getpid(), signal.SIGKILL)).start()

    archive(settings, database(settings), POLICY, progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
