"""A program that kills itself at its work: `python -m … <settings as JSON> <archive | compact> <point> <seconds>`.

It does so that many seconds after an archive run reported a step as done, or a compaction so many steps; with "half"
instead of a number, in the middle of the step. What a kill leaves is left: nothing is caught, closed or given back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from ecom_platform.archive.archiver_lease import held_archiver
from ecom_platform.archive.compact import compact
from ecom_platform.archive.run import archive
from ecom_platform.settings import Settings
from ecom_platform.store import database
from ecom_platform_tests.archive.moving import POLICY


def main(settings_json: str, work: str, point: str, when: str) -> None:
    """Work until the point, then kill -9."""
    settings = Settings.model_validate_json(settings_json)
    db = database(settings)

    def progress(step: str, done: int, total: int) -> None:
        if work == "compact" and done != int(point):
            return
        if work == "archive" and (step != point or (done < total) != (when == "half")):
            return
        if when == "half" or not float(when):
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Timer(float(when), os.kill, (os.getpid(), signal.SIGKILL)).start()

    if work == "archive":
        archive(settings, db, POLICY, progress=progress)
    else:
        with held_archiver(settings, db, progress=progress) as archiver:
            compact(archiver)


if __name__ == "__main__":
    main(*sys.argv[1:])
