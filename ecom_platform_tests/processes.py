"""Which process of a run takes which tests, and the end of all that a run has started.

pytest-xdist 3.8 sends tests marked `xdist_group` to one process by writing the group into their names, which pytest 9.2
no longer lets it do: they are spread as if there were no mark. So the group follows from the name alone.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import psutil
from xdist.scheduler import LoadScopeScheduling

__all__ = ["PLATFORM", "TogetherScheduling", "group_of", "kill_what_is_left"]

ROOT = Path(__file__).parents[1]
PLATFORM = "the platform"
DASHBOARD = "ecom_platform_tests/dashboard/"
# Tests of the dashboard that need the platform, too.
_DASHBOARD_OF_PLATFORM = ("test_live.py", "test_archived.py")
_RUN = "PYTEST_XDIST_TESTRUNUID"


def group_of(name: str) -> str:
    """What tests are together in one process: those of the platform, and those of each module of the dashboard.

    A test that needs no server is a group of its own.
    """
    file = name.partition("::")[0]
    if not _needs_servers(file):
        return name
    of_module = file.startswith(DASHBOARD) and not file.endswith(_DASHBOARD_OF_PLATFORM)
    return file if of_module else PLATFORM


class TogetherScheduling(LoadScopeScheduling):
    """Whole groups, the one with most tests first: that is the platform's, which takes longest."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def kill_what_is_left(run: str) -> list[int]:
    """Kill what the processes of a run have started and not ended; the process numbers."""
    killed = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_RUN) == run:
                process.kill()
                killed.append(process.pid)
        except psutil.Error:  # gone meanwhile, or somebody else's
            continue
    return killed


@cache
def _needs_servers(file: str) -> bool:
    return "mark.servers" in (ROOT / file).read_text(encoding="utf-8")
