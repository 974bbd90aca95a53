"""How everything of an instance ends: runs of Dagster and what feeds or shows figures first, then the servers at once.

Within a wave every program is asked at the same time, so that a stop takes as long as its slowest program and not as
long as all of them together: the process manager by itself stops one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ecom_platform.errors import EcomError
from ecom_platform.local import dagster, processes
from ecom_platform.local.demo_programs import CODE_SERVER, DAEMON, DASHBOARD, SIMULATOR, WEBSERVER
from ecom_platform.local.instance import Instance
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.settings import Settings

# The simulator needs Kafka to save its state; the daemon would launch runs; the screens hold nothing.
FIRST = frozenset({SIMULATOR, DAEMON, WEBSERVER, DASHBOARD})
# A process that was just being started while the others were looked for is found by the next look.
MOST_LOOKS = 5

Progress = Callable[[str, str], None]
"""Called with the part (`Kafka`) and what happens to it (`starting`); from several threads."""


def waves(running: Iterable[str]) -> tuple[list[str], list[str]]:
    """The running programs that are stopped while Dagster's runs end, and those that are stopped after that.

    Code server and servers are the second wave: by then no run is left, and nothing writes to Kafka, MongoDB or HDFS.
    """
    names = sorted(running)
    return [name for name in names if name in FIRST], [name for name in names if name not in FIRST]


def end_everything(settings: Settings, instance: Instance, progress: Progress, by: str) -> None:
    """End every process of the instance; call it locked.

    In order while the process manager answers: the intent is recorded, runs end while their code server lives, then
    the servers. What is left after that is found by its environment, asked to end, and killed.
    """
    manager = Supervisord(instance)
    try:
        _end_in_order(settings, manager, progress, by)
    except EcomError as error:
        progress("all", f"not in order, because {error}")
    manager.shutdown()
    for _ in range(MOST_LOOKS):
        left = processes.processes(instance)
        if not left:
            return
        processes.end(left)


def _end_in_order(settings: Settings, manager: Supervisord, progress: Progress, by: str) -> None:
    if not manager.alive():
        return
    running = [name for name, state in manager.states().items() if state.alive]
    first, last = waves(running)
    if CODE_SERVER in running:
        problem = dagster.forbid_stream(settings, by)
        manager.ask_to_stop(first)
        # A run that the daemon launches while it ends is found by the second look.
        problem = dagster.end_runs(settings, by, between=lambda: manager.await_stopped(first)) or problem
        progress("Dagster", f"did not end its runs in order: {problem}" if problem else "its runs have ended")
    for wave in (first, last):
        manager.ask_to_stop(wave)
        manager.await_stopped(wave)
    progress("all", f"{len(running)} programs have ended")
