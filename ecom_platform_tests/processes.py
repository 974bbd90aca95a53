"""In which order the modules of a run are handed to its processes, and the end of all that a run has started."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

LONGEST = (
    "orchestration/supervision/test_supervisor_cases.py",
    "orchestration/test_killed_workers.py",
    "archive/test_compaction.py",
    "archive/test_compaction_kills.py",
    "dashboard/test_live.py",
    "dashboard/test_pages.py",
    "streaming/test_crashes.py",
    "dashboard/test_alerts.py",
    "dashboard/test_screens.py",
    "streaming/test_stream.py",
    "streaming/test_large_messages.py",
    "deployment/test_wheel.py",
    "tabular/test_spark_mongo.py",
)
"""By what they took when each was last measured; a module at a wrong place costs time and nothing else."""
_RUN = "PYTEST_XDIST_TESTRUNUID"


def longest_first(files: Iterable[str], with_servers: Iterable[str]) -> list[str]:
    """The order of the modules: begun last, a long one would be waited for by all processes but its own.

    Args:
        files: the modules, in the random order of the run.
        with_servers: those of them with a test that needs servers.
    """
    servers = set(with_servers)

    def rank(file: str) -> tuple[int, bool]:
        place = next((place for place, name in enumerate(LONGEST) if file.endswith(name)), len(LONGEST))
        return place, file not in servers

    return sorted(dict.fromkeys(files), key=rank)


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
