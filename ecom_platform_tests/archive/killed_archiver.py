"""A program that archives and kills itself at a named point: `python -m … <settings as JSON> <step> <done or half>`.

What a kill of the process leaves is left: nothing is caught, closed or given back.
"""

from __future__ import annotations

import os
import signal
import sys

from ecom_platform.archive.run import archive
from ecom_platform.settings import Settings
from ecom_platform.store import database
from ecom_platform_tests.archive.moving import POLICY


def main(settings_json: str, step: str, where: str) -> None:
    """Archive until the point, then kill -9."""
    settings = Settings.model_validate_json(settings_json)

    def progress(reached: str, done: int, total: int) -> None:
        if reached == step and (done >= total) == (where == "done"):
            os.kill(os.getpid(), signal.SIGKILL)

    archive(settings, database(settings), POLICY, progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
