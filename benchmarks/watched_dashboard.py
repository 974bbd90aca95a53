"""The dashboard's server with a witness: every script run and every command to MongoDB becomes a line of JSON.

    python -m benchmarks.watched_dashboard LINES_FILE [options of `streamlit run`]

Nothing of the dashboard is changed; what is watched is Streamlit's script runner and pymongo's own events.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Hashable
from itertools import count
from pathlib import Path
from typing import Any

from pymongo import monitoring
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.web import cli

from dashboard.query_cache import QueryCache

APP = Path(__file__).parents[1] / "dashboard" / "app.py"
_COUNTED = ("aggregate", "find", "count", "distinct", "getMore")
_asking = threading.local()
_numbers = count()


class Witness(monitoring.CommandListener):
    """Writes the lines; commands carry the question they answer, which is asked in the same thread."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()

    def write(self, **line: object) -> None:
        """One line, whole."""
        with self._lock:
            self._file.write(json.dumps({"at": time.time(), **line}) + "\n")

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Not needed: the end has everything."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """A command that failed was sent as well."""
        self._command(event)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """A command and how long it took."""
        self._command(event)

    def _command(self, event: Any) -> None:
        if event.command_name in _COUNTED:
            question, asked = getattr(_asking, "question", ("", 0))
            self.write(kind="command", question=question, asked=asked, ms=event.duration_micros / 1000)


def watch_runs(witness: Witness) -> None:
    """Time every run of the script: of the whole page, or of a fragment (a refresh)."""
    run: Callable[..., None] = ScriptRunner._run_script  # noqa: SLF001 - the one place where a run begins and ends

    def timed(runner: ScriptRunner, rerun_data: Any) -> None:
        started, used = time.perf_counter(), time.thread_time()
        try:
            run(runner, rerun_data)
        finally:
            witness.write(
                kind="run",
                fragments=list(rerun_data.fragment_id_queue),
                ms=(time.perf_counter() - started) * 1000,
                cpu_ms=(time.thread_time() - used) * 1000,
            )

    setattr(ScriptRunner, "_run_script", timed)  # noqa: B010 - a method is replaced


def watch_questions() -> None:
    """Let commands know the question that they answer."""
    for name in ("get", "_answer"):
        setattr(QueryCache, name, _naming(getattr(QueryCache, name)))


def _naming(answer: Callable[..., Any]) -> Callable[..., Any]:
    def named(answers: QueryCache, key: Hashable, *rest: Any) -> Any:
        before, _asking.question = getattr(_asking, "question", ("", 0)), (_name_of(key), next(_numbers))
        try:
            return answer(answers, key, *rest)
        finally:
            _asking.question = before

    return named


def _name_of(key: Hashable) -> str:
    """Of a page's question its module and name, without the choice."""
    if isinstance(key, tuple) and len(key) == 3:
        module, name, _ = key
        return f"{str(module).rpartition('.')[2]} {name}"
    while isinstance(key, tuple):
        key = key[0]
    return str(key)


def main() -> None:
    """Serve until terminated."""
    witness = Witness(Path(sys.argv[1]))
    monitoring.register(witness)
    watch_runs(witness)
    watch_questions()
    cli.main(["run", str(APP), *sys.argv[2:]])


if __name__ == "__main__":
    main()
